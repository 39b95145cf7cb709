#include "api/conditions/asked_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace wobble::api {
namespace {

thread_local FileRights current;

Parsed<UniqueFd> file_error(const std::string& why) { return {UniqueFd(), why}; }

/// Below `directory`, through no link that leads out of it.
int find_below(const std::string& directory, const std::string& rest) {
  const UniqueFd base(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (base.get() < 0) return -1;
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, base.get(), rest.c_str(), &how, sizeof how));
}

/// Slashes in a row are one, to the kernel too.
std::string with_single_slashes(std::string path) {
  path.erase(std::unique(path.begin(), path.end(), [](char a, char b) { return a == '/' && b == '/'; }), path.end());
  return path;
}

/// What /proc and /sys show as files is the kernel's, and some of it waits or has effects when it is read.
bool is_on_disk(int file) {
  struct stat about {};
  struct statfs system {};
  if (::fstat(file, &about) != 0 || !S_ISREG(about.st_mode) || ::fstatfs(file, &system) != 0) return false;
  return system.f_type != PROC_SUPER_MAGIC && system.f_type != SYSFS_MAGIC;
}

}  // namespace

FileRightsScope::FileRightsScope(FileRights rights) : before_(std::move(current)) { current = std::move(rights); }

FileRightsScope::~FileRightsScope() { current = std::move(before_); }

bool may_name_any_file() noexcept { return current.all; }

Parsed<UniqueFd> open_asked_file(const std::string& asked) {
  const std::string path = with_single_slashes(asked);
  if (path.find('\0') != std::string::npos) return file_error("a path has no zero byte");
  if (!path.starts_with('/')) return file_error("an absolute path is expected: the daemon has a directory of its own");
  UniqueFd found;
  if (current.all) {
    found = UniqueFd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  } else if (current.directory.empty()) {
    return file_error(
        "only root and the daemon's own user may name files; for others start wobbled with --files DIRECTORY, and "
        "keep the file there");
  } else if (!path.starts_with(current.directory + "/")) {
    return file_error("you may name files below " + current.directory + " only");
  } else {
    found = UniqueFd(find_below(current.directory, path.substr(current.directory.size() + 1)));
    if (found.get() < 0 && errno == EXDEV) return file_error("leads out of " + current.directory);
  }
  if (found.get() < 0) return file_error(std::string("cannot be read: ") + std::strerror(errno));
  if (!is_on_disk(found.get())) return file_error("is not a regular file");
  // The very file that was looked at, whatever stands at its path by now.
  const std::string same = "/proc/self/fd/" + std::to_string(found.get());
  UniqueFd file(::open(same.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (file.get() < 0) return file_error(std::string("cannot be read: ") + std::strerror(errno));
  return {std::move(file), {}};
}

}  // namespace wobble::api
