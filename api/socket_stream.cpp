#include "api/socket_stream.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace wobble::api {
namespace {

constexpr std::size_t kChunkOverhead = 64 * 1024;  // framing of a chunked body, generously
constexpr std::chrono::milliseconds kIdleSlice{100};
constexpr std::chrono::milliseconds kLastWrites{200};  // for an answer under way when the server stops

int milliseconds_until(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

/// An IPv4 peer of a dual-stack socket is shown as IPv4.
void name_of(const sockaddr_storage& address, std::string& ip, int& port) {
  char text[INET6_ADDRSTRLEN] = "";
  port = 0;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    port = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
    port = ntohs(v6.sin6_port);
  }
  ip = text;
}

}  // namespace

SocketStream::SocketStream(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}

SocketStream::~SocketStream() { ::close(fd_); }

bool SocketStream::stopping() const {
  pollfd stop{stop_fd_, POLLIN, 0};
  return ::poll(&stop, 1, 0) > 0;
}

bool SocketStream::wait(short events, Clock::time_point deadline) const {
  for (;;) {
    pollfd fds[2] = {{fd_, events, 0}, {stop_fd_, POLLIN, 0}};
    const int n = ::poll(fds, 2, milliseconds_until(deadline));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    if (fds[0].revents != 0) return true;  // an error shows in the call that follows
    return false;                          // the server stops
  }
}

bool SocketStream::wait_for_request(const std::function<bool()>& give_way) {
  if (begin_ < end_) return true;
  const auto deadline = Clock::now() + kIdleTime;
  while (Clock::now() < deadline && !stopping()) {
    if (wait(POLLIN, std::min(deadline, Clock::now() + kIdleSlice))) {
      char byte;
      return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    }
    if (give_way()) return false;
  }
  return false;
}

void SocketStream::begin_request() {
  budget_ = kHeadBytes;
  deadline_ = Clock::now() + kHeadTime;
  in_body_ = false;
  timed_out_ = false;
}

void SocketStream::head_is_read() {
  budget_ = kBodyBytes + kChunkOverhead;
  deadline_ = Clock::now() + kBodyTime;
  in_body_ = true;
}

bool SocketStream::fill() {
  for (;;) {
    if (!wait(POLLIN, deadline_)) {
      timed_out_ = true;
      return false;
    }
    const ssize_t n = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return false;
    begin_ = 0;
    end_ = static_cast<std::size_t>(n);
    return true;
  }
}

ssize_t SocketStream::read(char* data, std::size_t size) {
  if (budget_ == 0) return -1;
  if (begin_ == end_ && !fill()) return timed_out_ ? -1 : 0;
  const std::size_t n = std::min({size, end_ - begin_, budget_});
  std::memcpy(data, buffer_.data() + begin_, n);
  begin_ += n;
  budget_ -= n;
  return static_cast<ssize_t>(n);
}

ssize_t SocketStream::write(const char* data, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::send(fd_, data + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) return -1;
    pollfd out{fd_, POLLOUT, 0};
    const auto patience = stopping() ? kLastWrites : std::chrono::milliseconds(kWriteTime);
    const auto deadline = Clock::now() + patience;
    int ready = 0;
    do {
      const auto slice = std::min(deadline, Clock::now() + kLastWrites);
      ready = ::poll(&out, 1, milliseconds_until(slice));
    } while (ready == 0 && Clock::now() < deadline && !stopping());
    if (ready <= 0) return -1;
  }
  return static_cast<ssize_t>(size);
}

bool SocketStream::is_readable() const { return begin_ < end_ || wait(POLLIN, Clock::now()); }

bool SocketStream::is_writable() const {
  if (stopping()) return false;
  pollfd peer{fd_, POLLRDHUP, 0};
  return ::poll(&peer, 1, 0) <= 0;  // hung up or broken: nobody reads
}

void SocketStream::close_gently() {
  constexpr std::size_t kMostDrained = 2 * 1024 * 1024;
  ::shutdown(fd_, SHUT_WR);
  const auto deadline = Clock::now() + std::chrono::milliseconds(500);
  std::size_t drained = 0;
  while (drained < kMostDrained && wait(POLLIN, deadline)) {
    const ssize_t n = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n <= 0) break;
    drained += static_cast<std::size_t>(n);
  }
}

void SocketStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0) name_of(address, ip, port);
}

void SocketStream::get_local_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0) name_of(address, ip, port);
}

}  // namespace wobble::api
