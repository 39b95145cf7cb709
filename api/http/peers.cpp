#include "api/http/peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace wobble::api {
namespace {

/// An IPv4 peer of a socket for both is shown as IPv4.
std::string address_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text, sizeof text);
  } else if (address.ss_family == AF_INET6) {
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
      inet_ntop(AF_INET, &v6.s6_addr[12], text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &v6, text, sizeof text);
    }
  }
  return text;
}

}  // namespace

Peer unix_peer(int fd) {
  Peer peer;
  peer.over_unix_socket = true;
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return peer;
  peer.uid = who.uid;
  peer.groups.resize(64);
  size = static_cast<socklen_t>(peer.groups.size() * sizeof(gid_t));
  int failed = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size);
  if (failed != 0 && size > peer.groups.size() * sizeof(gid_t)) {  // it has said how much room is needed
    peer.groups.resize(size / sizeof(gid_t));
    failed = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &size);
  }
  peer.groups.resize(failed != 0 ? 0 : size / sizeof(gid_t));
  peer.groups.push_back(who.gid);
  return peer;
}

std::optional<Peer> tcp_peer(
    int fd, const std::function<std::optional<uid_t>(const sockaddr_storage&, const sockaddr_storage&)>& user_of,
    sockaddr_storage& address, std::string& local_address) {
  Peer peer;
  sockaddr_storage local{};
  socklen_t size = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  size = sizeof local;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0) local_address = address_of(local);
  peer.address = address_of(address);
  peer.is_loopback = is_loopback(peer.address);
  if (peer.is_loopback && user_of) peer.uid = user_of(address, local);
  return peer;
}

}  // namespace wobble::api
