#include "api/http/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "api/http/users.h"

namespace wobble::api {
namespace {

constexpr int kBacklog = SOMAXCONN;  // who finds no place tries again after a second; to accept a place takes far less

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

std::string reason() { return std::generic_category().message(errno); }

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress tcp_address(const std::string& text, int port) {
  SocketAddress out;
  const std::string address = text == "localhost" ? "127.0.0.1" : text;
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    out.size = sizeof v4;
  } else if (inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<std::uint16_t>(port));
    out.size = sizeof v6;
  } else {
    fail("cannot listen on \"" + text + "\": an address such as 127.0.0.1 or ::1 is needed");
  }
  return out;
}

int port_of(int fd) {
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size);
  return ntohs(bound.storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound.storage).sin6_port
                                                   : reinterpret_cast<sockaddr_in&>(bound.storage).sin_port);
}

/// False if there is no such group, or the file may not be given to it.
bool give_to_group(const std::string& path, const std::string& group) {
  if (group.empty()) return false;
  const std::optional<gid_t> gid = group_id(group);
  return gid && ::chown(path.c_str(), static_cast<uid_t>(-1), *gid) == 0;
}

/// Whether somebody answers at the socket file.
bool is_alive(const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool alive = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return alive;
}

}  // namespace

Listener::Listener() : stop_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (stop_fd_ < 0) fail("cannot make an eventfd: " + reason());
}

Listener::~Listener() {
  stop();
  ::close(stop_fd_);
}

int Listener::open_tcp(const std::string& address, int port) {
  const SocketAddress where = tcp_address(address, port);
  const std::string shown =
      (where.storage.ss_family == AF_INET6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  const int fd = ::socket(where.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("cannot listen on " + shown + ": " + reason());
  const int yes = 1;
  const int no = 0;
  if (where.storage.ss_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
  // Past TIME_WAIT of a daemon before us; unlike SO_REUSEPORT it does not let two listen at once.
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&where.storage), where.size) == 0;
  if (!bound || ::listen(fd, kBacklog) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    if (error == EADDRINUSE) fail(shown + " is in use: is another wobbled running?");
    fail("cannot listen on " + shown + ": " + reason());
  }
  doors_.push_back({fd, Door::tcp});
  return port_of(fd);
}

void Listener::open_unix(const std::string& path, const std::string& group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fail("the path of the socket is too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) fail(path + " exists and is not a socket: remove it or choose another path");
    if (is_alive(address)) fail(path + " is in use: is another wobbled running?");
    ::unlink(path.c_str());
  }
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) fail("cannot make a socket: " + reason());
  // Nobody can connect before listen(), by when the mode is set.
  bool ready = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (ready) {
    const mode_t mode = give_to_group(path, group) ? 0660 : 0600;
    ready = ::chmod(path.c_str(), mode) == 0 && ::listen(fd, kBacklog) == 0;
  }
  if (!ready) {
    const std::string why = reason();
    ::close(fd);
    fail("cannot listen on " + path + ": " + why);
  }
  doors_.push_back({fd, Door::unix_socket});
  unix_path_ = path;
}

void Listener::start(Accept accept, std::function<void()> starve) {
  accept_ = std::move(accept);
  starve_ = std::move(starve);
  thread_ = std::thread([this] { accept_loop(); });
}

void Listener::stop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_fd_, &one, sizeof one);  // full only if it was written before
  if (thread_.joinable()) thread_.join();
  for (const OpenDoor& door : doors_) ::close(door.fd);
  doors_.clear();
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  unix_path_.clear();
}

void Listener::accept_loop() {
  std::vector<pollfd> fds;
  for (const OpenDoor& door : doors_) fds.push_back({door.fd, POLLIN, 0});
  fds.push_back({stop_fd_, POLLIN, 0});
  for (;;) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;  // EINTR
    if (fds.back().revents != 0) return;
    for (std::size_t i = 0; i < doors_.size(); ++i) {
      if (fds[i].revents != 0) accept_one(doors_[i]);
    }
  }
}

void Listener::accept_one(const OpenDoor& door) {
  const int fd = ::accept4(door.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) return accept_(fd, door.door);
  // A client that went away is nothing to us; without descriptors or memory, wait for some to be given back.
  if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
  starve_();
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

}  // namespace wobble::api
