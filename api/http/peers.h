// Who is at the other end of a socket.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/http/http.h"

namespace wobble::api {

/// By its text; whoever names "localhost" means it too.
inline bool is_loopback(std::string_view address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

/// By SO_PEERCRED and SO_PEERGROUPS: the process that connected, as it was then.
Peer unix_peer(int fd);

/// By its address, which `address` is set to; and `local_address` to the one that it connected to. `user_of` is asked
/// for those that come over loopback; it may be empty. None: it has reset the connection.
std::optional<Peer> tcp_peer(
    int fd, const std::function<std::optional<uid_t>(const sockaddr_storage&, const sockaddr_storage&)>& user_of,
    sockaddr_storage& address, std::string& local_address);

}  // namespace wobble::api
