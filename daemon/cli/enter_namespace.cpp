#include "daemon/cli/enter_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "daemon/cli/failure.h"
#include "daemon/cli/text.h"

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
  return {kExitRefused, std::string("cannot set name servers for the command: ") + what + ": " + std::strerror(errno)};
}

void bind_over(const char* source, const char* target) {
  if (mount(source, target, nullptr, MS_BIND, nullptr) != 0) throw cannot_set(target);
}

/// Bound over `target`, a file needs no name of its own any more.
void bind_text_over(const std::string& text, const char* target) {
  std::string name = std::filesystem::temp_directory_path() / "wobble-resolv.conf-XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) throw cannot_set(name.c_str());
  const bool written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fchmod(fd, 0644) == 0;
  close(fd);
  const bool bound = written && mount(name.c_str(), target, nullptr, MS_BIND, nullptr) == 0;
  const int error = errno;
  unlink(name.c_str());
  errno = error;
  if (!bound) throw cannot_set(target);
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

void use_name_servers(const std::vector<std::string>& servers) {
  if (unshare(CLONE_NEWNS) != 0) throw cannot_set("a mount namespace");
  // What others mount later is still seen here; what is mounted here is not seen by them.
  if (mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) throw cannot_set("/");
  for (const char* socket : kOutsideResolvers) {
    if (access(socket, F_OK) == 0) bind_over("/dev/null", socket);
  }
  std::ifstream file(kResolvConf);
  const std::string original(std::istreambuf_iterator<char>(file), {});
  if (file.is_open() && !servers.empty()) bind_text_over(resolv_conf_with(original, servers), kResolvConf);
}

}  // namespace wobble::daemon
