#include "daemon/journal/temporary_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace wobble::daemon {
namespace {

constexpr char kPrefix[] = "wobble-log-";
constexpr char kLock[] = "/lock";

/// A folder of ours, and no link to one: others may write into the temporary folder as well.
bool is_own_folder(const std::string& path) {
  struct stat about {};
  return ::lstat(path.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid();
}

/// It has a lock that nobody holds. One without is about to be made.
bool is_abandoned(const std::string& folder) {
  const UniqueFd lock(::open((folder + kLock).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return lock.get() >= 0 && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace

TemporaryLog::TemporaryLog() : folder_(std::filesystem::temp_directory_path() / (std::string(kPrefix) + "XXXXXX")) {
  remove_abandoned_logs();
  if (::mkdtemp(folder_.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "cannot make a folder for the log, " + folder_);
  }
  // It has its name only when it is locked, so that nobody meets it without.
  const std::string unnamed = folder_ + kLock + ".new";
  lock_ = UniqueFd(::open(unnamed.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (lock_.get() < 0 || ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0 ||
      ::rename(unnamed.c_str(), (folder_ + kLock).c_str()) != 0) {
    const int error = errno;
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    throw std::system_error(error, std::generic_category(), "cannot lock the folder of the log, " + folder_);
  }
}

TemporaryLog::~TemporaryLog() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::vector<std::string> remove_abandoned_logs(bool dry_run) noexcept {
  std::vector<std::string> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(std::filesystem::temp_directory_path(error), error), end;
       !error && entry != end; entry.increment(error)) {
    const std::string path = entry->path();
    if (!entry->path().filename().string().starts_with(kPrefix) || !is_own_folder(path) || !is_abandoned(path))
      continue;
    std::error_code failed;
    if (!dry_run) std::filesystem::remove_all(path, failed);
    if (!failed) found.push_back(path);
  }
  return found;
}

}  // namespace wobble::daemon
