#include "daemon/cli/process/enter_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "daemon/cli/words/failure.h"
#include "daemon/cli/words/text.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {
namespace {

constexpr char kResolvConf[] = "/etc/resolv.conf";
constexpr const char* kOutsideResolvers[] = {"/run/systemd/resolve/io.systemd.Resolve", "/run/nscd/socket"};

Failure cannot_enter(const std::string& path, int error) {
  const std::string what = "cannot enter the network namespace " + clean(path) + ": ";
  if (error == EPERM || error == EACCES) {
    return {kExitRefused, what + "that takes CAP_SYS_ADMIN: run it as root"};
  }
  if (error == ENOENT || error == EINVAL || error == ENOTTY) {
    return {kExitRefused, what +
                              "there is no such namespace here: the daemon is in another pid namespace (a container?) "
                              "or has just ended; run it where the daemon runs"};
  }
  return {kExitRefused, what + std::strerror(error)};
}

Failure cannot_set(const char* what) {
  return {kExitRefused, std::string("cannot prepare the command's files: ") + what + ": " + std::strerror(errno)};
}

std::string path_of(const UniqueFd& place) { return "/proc/self/fd/" + std::to_string(place.get()); }

UniqueFd place_at(const std::string& path) { return UniqueFd(open(path.c_str(), O_PATH | O_CLOEXEC)); }

void bind_over(const std::string& source, const std::string& target) {
  if (mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) throw cannot_set(target.c_str());
}

/// A memory file system of our own, for as long as this lives; what is bound from it stays.
class Scratch {
 public:
  Scratch() {
    for (const char* place : {"/run", "/tmp", "/mnt", "/dev"}) {
      if (mount("wobble", place, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=1m") != 0) continue;
      place_ = place;
      return;
    }
    throw cannot_set("a place for a file");
  }
  ~Scratch() { umount2(place_, MNT_DETACH); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// The path of a new file in it.
  std::string file(const char* name, const std::string& text) const {
    const std::string path = std::string(place_) + "/" + name;
    std::ofstream out(path);
    out << text;
    out.close();
    if (!out || chmod(path.c_str(), 0644) != 0) throw cannot_set(path.c_str());
    return path;
  }

 private:
  const char* place_ = nullptr;
};

/// Other programs (ip netns exec, bwrap, ourselves) may mount over it again, which takes a file that has a name.
void bind_resolv_conf(const UniqueFd& target, const std::string& text) {
  const Scratch scratch;
  bind_over(scratch.file("resolv.conf", text), path_of(target));
}

/// Where something is mounted below /sys, those within such left out.
std::vector<std::string> mounts_below_sys() {
  std::vector<std::string> found;
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string place;
    for (int field = 0; field < 5; ++field) words >> place;
    if (place.starts_with("/sys/")) found.push_back(place);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  std::vector<std::string> outer;
  for (const std::string& place : found) {
    if (outer.empty() || !place.starts_with(outer.back() + "/")) outer.push_back(place);
  }
  return outer;
}

/// The interfaces in /sys/class/net are those of the namespace in which it was mounted. What is mounted below it
/// (control groups, BPF's files) comes along, and so does what was read-only. Where none may be mounted, the old one
/// stays.
void mount_own_sys() {
  struct statvfs old {};
  if (statvfs("/sys", &old) != 0) return;
  std::vector<std::pair<std::string, UniqueFd>> below;
  for (const std::string& place : mounts_below_sys()) below.emplace_back(place, place_at(place));
  const unsigned long read_only = (old.f_flag & ST_RDONLY) != 0 ? MS_RDONLY : 0;
  if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | read_only, nullptr) != 0) return;
  for (const auto& [place, was] : below) {
    if (mount(path_of(was).c_str(), place.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0 && errno != ENOENT)
      throw cannot_set(place.c_str());  // where there is none, as in a container that hides it, nothing is missed
  }
}

}  // namespace

void enter_network_namespace(const std::string& path) {
  // Non-blocking: the path comes from outside, and to open a FIFO would wait.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw cannot_enter(path, errno);
  const int kind = ioctl(fd, NS_GET_NSTYPE);
  int error = kind < 0 ? errno : kind != CLONE_NEWNET ? EINVAL : 0;
  if (error == 0 && setns(fd, CLONE_NEWNET) != 0) error = errno;
  close(fd);
  if (error != 0) throw cannot_enter(path, error);
}

std::string resolv_conf_with(const std::string& original, const std::vector<std::string>& servers) {
  std::string out;
  for (const std::string& server : servers) out += "nameserver " + server + "\n";
  std::istringstream lines(original);
  for (std::string line; std::getline(lines, line);) {
    std::string word;
    std::istringstream(line) >> word;
    if (word != "nameserver" && !line.empty() && line[0] != '#' && line[0] != ';') out += line + "\n";
  }
  return out;
}

void use_own_files(const std::vector<std::string>& servers) {
  if (unshare(CLONE_NEWNS) != 0) throw cannot_set("a mount namespace");
  // What others mount later is still seen here; what is mounted here is not seen by them.
  if (mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    if (errno != EINVAL) throw cannot_set("/");
    throw Failure(
        kExitRefused,
        "cannot prepare the command's files: / is no mount point here, as in a chroot: outside of it, make its "
        "folder one (mount --rbind FOLDER FOLDER) before you enter it (chroot FOLDER)");
  }
  for (const char* socket : kOutsideResolvers) {
    if (access(socket, F_OK) == 0) bind_over("/dev/null", socket);
  }
  const UniqueFd resolv_conf = place_at(kResolvConf);
  if (resolv_conf.get() >= 0 && !servers.empty()) {
    std::ifstream file(kResolvConf);
    const std::string original(std::istreambuf_iterator<char>(file), {});
    bind_resolv_conf(resolv_conf, resolv_conf_with(original, servers));
  }
  mount_own_sys();
}

}  // namespace wobble::daemon
