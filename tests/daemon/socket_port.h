// The port a test's socket has been given.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>

#include "emulator/unique_fd.h"

namespace wobble::daemon {

inline std::uint16_t port_of(const UniqueFd& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

}  // namespace wobble::daemon
