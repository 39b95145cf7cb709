#include "daemon/ways_in/localhost_relay.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "emulator/throw_errno.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxLocalStreams = 512;
constexpr auto kConnecting = 200ms;  ///< on loopback a server that listens is there at once

struct Loopback {
  sockaddr_storage address{};
  socklen_t length = 0;
};

Loopback loopback(int family, std::uint16_t port) {
  Loopback out;
  if (family == AF_INET) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.address);
    v4->sin_family = AF_INET;
    v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v4->sin_port = htons(port);
    out.length = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.address);
    v6->sin6_family = AF_INET6;
    v6->sin6_addr = in6addr_loopback;
    v6->sin6_port = htons(port);
    out.length = sizeof *v6;
  }
  return out;
}

/// Without a descriptor if this machine has no loopback of that family.
UniqueFd listener_at(int family, std::uint16_t port) {
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const Loopback own = loopback(family, port);
  const bool listens = socket.get() >= 0 &&
                       ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own.address), own.length) == 0 &&
                       ::listen(socket.get(), SOMAXCONN) == 0;
  if (listens) return socket;
  if (family == AF_INET6 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) return UniqueFd();
  throw_errno("cannot listen on port " + std::to_string(port) + " of the command's loopback");
}

/// To whichever loopback address somebody listens on; without a descriptor if nobody does.
UniqueFd connected_to(std::uint16_t port) {
  for (const int family : {AF_INET, AF_INET6}) {
    UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const Loopback there = loopback(family, port);
    if (socket.get() < 0) continue;
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there.address), there.length) == 0) return socket;
    if (errno != EINPROGRESS) continue;
    pollfd ready{socket.get(), POLLOUT, 0};
    ::poll(&ready, 1, static_cast<int>(kConnecting / 1ms));
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error == 0) return socket;  // or it is still connecting: its queue is full
  }
  return UniqueFd();
}

}  // namespace

LocalhostRelay::LocalhostRelay(const NetworkNamespace& listens_in, const std::vector<std::uint16_t>& ports)
    : stop_(::eventfd(0, EFD_CLOEXEC)), streams_(kMaxLocalStreams, 0s) {
  if (stop_.get() < 0) throw_errno("eventfd");
  listens_in.run([&] {
    for (const std::uint16_t port : ports) {
      for (const int family : {AF_INET, AF_INET6}) {
        UniqueFd listener = listener_at(family, port);
        if (listener.get() >= 0) doors_.push_back({std::move(listener), port});
      }
    }
  });
  thread_ = std::thread([this] { serve(); });
}

LocalhostRelay::~LocalhostRelay() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void LocalhostRelay::serve() {
  for (;;) {
    std::vector<pollfd> list{{stop_.get(), POLLIN, 0}};
    for (const Door& door : doors_) list.push_back({door.listener.get(), POLLIN, 0});
    streams_.append_to(list);
    if (::poll(list.data(), list.size(), -1) < 0 && errno != EINTR) return;
    if (list[0].revents != 0) return;
    const auto first_stream = static_cast<std::ptrdiff_t>(1 + doors_.size());
    streams_.move_on({list.begin() + first_stream, list.end()});
    for (std::size_t n = 0; n < doors_.size(); ++n) {
      if (list[1 + n].revents != 0) take_one(doors_[n]);
    }
  }
}

void LocalhostRelay::take_one(const Door& door) {
  UniqueFd client(::accept4(door.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (client.get() < 0) return;
  UniqueFd server = connected_to(door.port);
  if (server.get() < 0) return reset_connection(std::move(client));
  streams_.add(std::move(client), std::move(server));
}

}  // namespace wobble::daemon
