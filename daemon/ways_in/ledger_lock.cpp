#include "daemon/ways_in/ledger_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

#include "emulator/throw_errno.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kLockTimeout = 10s;
constexpr auto kAskAgain = 5ms;
constexpr char kLockName[] = "/lock";
constexpr char kOwnerEnding[] = ".owner";
// Whoever could open one could lock it, and so hold everybody up or seem to live.
constexpr mode_t kOnlyOurs = 0600;

bool is_file_at(const UniqueFd& file, const std::string& path) {
  struct stat opened {};
  struct stat there {};
  return ::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &there) == 0 && opened.st_ino == there.st_ino &&
         opened.st_dev == there.st_dev;
}

// False: it is there already.
bool make_folder(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0755) == 0) return true;
  if (errno != EEXIST) throw_errno("cannot make " + folder);
  return false;
}

// Written into the lock, for whoever is the last: a folder that was there before us is somebody's, such as a unit's
// RuntimeDirectory, and stays.
constexpr char kFolderIsOurs[] = "the folder goes with this file\n";

std::string path_of_owner(const std::string& folder, const std::string& name) {
  return folder + "/" + name + kOwnerEnding;
}

}  // namespace

LedgerLock::LedgerLock(std::string folder) : folder_(std::move(folder)) {
  const std::string path = folder_ + kLockName;
  const auto deadline = std::chrono::steady_clock::now() + kLockTimeout;
  bool made_folder = false;
  while (true) {
    made_folder = make_folder(folder_) || made_folder;
    file_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOnlyOurs));
    if (file_.get() < 0 && errno == ENOENT) continue;  // the folder was taken away just now
    if (file_.get() < 0) throw_errno("cannot open " + path);
    while (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) throw_errno("cannot lock " + path);
      if (std::chrono::steady_clock::now() > deadline)
        throw LedgerBusy(path + " has been locked by another process for ten seconds: 'fuser -v " + path +
                         "' shows it");
      std::this_thread::sleep_for(kAskAgain);
    }
    if (is_file_at(file_, path)) break;  // else its last holder has removed it
  }
  if (made_folder && ::pwrite(file_.get(), kFolderIsOurs, std::strlen(kFolderIsOurs), 0) < 0)
    throw_errno("cannot write " + path);
}

LedgerLock::~LedgerLock() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
    if (entry.path().filename() != kLockName + 1) return;
  }
  struct stat about {};
  const bool is_ours = ::fstat(file_.get(), &about) == 0 && about.st_size > 0;
  std::filesystem::remove(folder_ + kLockName, ignored);
  if (is_ours) std::filesystem::remove(folder_, ignored);
}

std::string start_time(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');  // behind it, field 22 is the 20th
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int i = 0; i < 20 && fields >> field; ++i) {
  }
  return fields ? field : std::string();
}

OwnerFile::OwnerFile(std::string folder) : folder_(std::move(folder)) {
  const std::string base = std::to_string(::getpid()) + "-" + start_time("self");
  static std::atomic<int> made = 0;
  while (true) {
    const int number = ++made;
    name_ = base + (number == 1 ? "" : "-" + std::to_string(number));
    const std::string path = path_of_owner(folder_, name_);
    file_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOnlyOurs));
    if (file_.get() < 0) throw_errno("cannot open " + path);
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return;
    if (errno != EWOULDBLOCK) throw_errno("cannot lock " + path);
  }
}

OwnerFile::~OwnerFile() {
  if (stands()) ::unlink(path_of_owner(folder_, name_).c_str());
}

bool OwnerFile::stands() const { return is_file_at(file_, path_of_owner(folder_, name_)); }

bool is_owner_alive(const std::string& folder, const std::string& name) {
  const std::string path = path_of_owner(folder, name);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return false;
  if (file.get() < 0) throw_errno("cannot open " + path);
  return ::flock(file.get(), LOCK_SH | LOCK_NB) != 0;
}

std::string pid_of_owner(const std::string& name) { return name.substr(0, name.find('-')); }

void remove_files_of_dead_owners(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().extension() != kOwnerEnding) continue;
    if (!is_owner_alive(folder, entry.path().stem())) std::filesystem::remove(entry.path(), ignored);
  }
}

}  // namespace wobble::daemon
