// Whose the other end of a connection is, with real sockets over loopback.
#include "daemon/system/peer_users.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

namespace wobble::daemon {
namespace {

sockaddr_storage loopback(int family) {
  sockaddr_storage out{};
  out.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET) {
    reinterpret_cast<sockaddr_in&>(out).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  } else {
    reinterpret_cast<sockaddr_in6&>(out).sin6_addr = in6addr_loopback;
  }
  return out;
}

/// A connection over loopback; `listening` may be of the other family.
struct Pair {
  Pair(int listening, int connecting)
      : listener(::socket(listening, SOCK_STREAM, 0)), client(::socket(connecting, SOCK_STREAM, 0)) {
    sockaddr_storage at{};
    at.ss_family = static_cast<sa_family_t>(listening);
    if (listening == connecting) at = loopback(listening);
    socklen_t size = listening == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&at), &size);
    sockaddr_storage to = loopback(connecting);
    const in_port_t port = listening == AF_INET ? reinterpret_cast<sockaddr_in&>(at).sin_port
                                                : reinterpret_cast<sockaddr_in6&>(at).sin6_port;
    (connecting == AF_INET ? reinterpret_cast<sockaddr_in&>(to).sin_port
                           : reinterpret_cast<sockaddr_in6&>(to).sin6_port) = port;
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    server = UniqueFd(::accept(listener.get(), nullptr, nullptr));
    size = sizeof peer;
    EXPECT_EQ(::getpeername(server.get(), reinterpret_cast<sockaddr*>(&peer), &size), 0);
    size = sizeof local;
    EXPECT_EQ(::getsockname(server.get(), reinterpret_cast<sockaddr*>(&local), &size), 0);
  }
  UniqueFd listener;
  UniqueFd client;
  UniqueFd server;
  sockaddr_storage peer{};
  sockaddr_storage local{};
};

TEST(PeerUsersTest, TheOwnerOfTheOtherEndIsKnown) {
  PeerUsers users;
  for (const auto& [listening, connecting] : {std::pair{AF_INET, AF_INET}, {AF_INET6, AF_INET6}, {AF_INET6, AF_INET}}) {
    const Pair pair(listening, connecting);
    EXPECT_EQ(users.user_of(pair.peer, pair.local), ::geteuid());
    if (::geteuid() == 0) {
      ASSERT_EQ(::fchown(pair.client.get(), 54'321, 54'321), 0);
      EXPECT_EQ(users.user_of(pair.peer, pair.local), 54'321u);
    }
  }
}

TEST(PeerUsersTest, WhoHasLeftIsNobody) {
  PeerUsers users;
  Pair pair(AF_INET, AF_INET);
  pair.client = UniqueFd();
  EXPECT_EQ(users.user_of(pair.peer, pair.local), std::nullopt);
}

TEST(PeerUsersTest, WhoListensIsNotWhoConnected) {
  PeerUsers users;
  const Pair pair(AF_INET, AF_INET);
  sockaddr_storage other = pair.local;  // somebody listens there, and nobody is connected from there
  EXPECT_EQ(users.user_of(other, pair.peer), ::geteuid()) << "our own end";
  reinterpret_cast<sockaddr_in&>(other).sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  EXPECT_EQ(users.user_of(other, pair.peer), std::nullopt);
  sockaddr_storage nobody = pair.peer;
  reinterpret_cast<sockaddr_in&>(nobody).sin_port = 1;
  EXPECT_EQ(users.user_of(pair.local, nobody), std::nullopt) << "a listener is not a connection";
}

}  // namespace
}  // namespace wobble::daemon
