// Names asked for through the relay, on loopback; tests/e2e/run.py has a command that asks through a link.
#include "daemon/ways_in/name_relay.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "tests/daemon/socket_port.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kHeader = 12;
const NameRelay::Place kHere{"127.0.0.1", "127.0.0.1", "lo"};

sockaddr_in loopback(std::uint16_t port, std::uint32_t host = 1) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl((127U << 24) + host);
  address.sin_port = htons(port);
  return address;
}

/// With a time-out of ten seconds: a test that fails ends.
UniqueFd socket_of(int kind) {
  UniqueFd socket(::socket(AF_INET, kind | SOCK_CLOEXEC, 0));
  const timeval patience{10, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return socket;
}

UniqueFd bound(int kind) {
  UniqueFd socket = socket_of(kind);
  const sockaddr_in any_port = loopback(0);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any_port), sizeof any_port), 0);
  if (kind == SOCK_STREAM) {
    EXPECT_EQ(::listen(socket.get(), 10), 0);
  }
  return socket;
}

/// From 127.0.0.`host`.
UniqueFd connected(int kind, std::uint16_t port, std::uint32_t host = 1) {
  UniqueFd socket = socket_of(kind);
  const sockaddr_in own = loopback(0, host);
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
  const sockaddr_in to = loopback(port);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return socket;
}

void send_text(const UniqueFd& socket, const std::string& text) {
  EXPECT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

std::string receive(const UniqueFd& socket) {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
  return n < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(n));
}

TEST(NameRelay, each_answer_goes_to_who_has_asked) {
  const UniqueFd server = bound(SOCK_DGRAM);
  const NameRelay relay(kHere, "127.0.0.1", port_of(server));
  const UniqueFd first = connected(SOCK_DGRAM, relay.udp_port());
  const UniqueFd second = connected(SOCK_DGRAM, relay.udp_port());
  send_text(first, "first question");
  send_text(second, "second question");
  for (int n = 0; n < 2; ++n) {  // in whichever order they come
    std::array<char, 64> question{};
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const ssize_t size =
        ::recvfrom(server.get(), question.data(), question.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    ASSERT_GT(size, 0);
    const std::string answer = std::string(question.data(), static_cast<std::size_t>(size)) + " answered";
    ::sendto(server.get(), answer.data(), answer.size(), 0, reinterpret_cast<const sockaddr*>(&from), length);
  }
  EXPECT_EQ(receive(first), "first question answered");
  EXPECT_EQ(receive(second), "second question answered");
}

TEST(NameRelay, a_strangers_question_is_nobodys) {
  const UniqueFd server = bound(SOCK_DGRAM);
  const NameRelay relay(kHere, "127.0.0.1", port_of(server));
  const UniqueFd stranger = connected(SOCK_DGRAM, relay.udp_port(), 2);
  const UniqueFd asker = connected(SOCK_DGRAM, relay.udp_port());
  send_text(stranger, "a stranger's question");
  send_text(asker, "the asker's question");
  EXPECT_EQ(receive(server), "the asker's question") << "which came later";
}

TEST(NameRelay, a_strangers_stream_is_closed) {
  const UniqueFd server = bound(SOCK_STREAM);
  const NameRelay relay(kHere, "127.0.0.1", port_of(server));
  const UniqueFd stranger = connected(SOCK_STREAM, relay.tcp_port(), 2);
  const UniqueFd asker = connected(SOCK_STREAM, relay.tcp_port());
  EXPECT_EQ(receive(stranger), "");  // its end
  const UniqueFd peer(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  send_text(asker, "the asker's question");
  EXPECT_EQ(receive(peer), "the asker's question");
}

TEST(NameRelay, where_nobody_listens_the_answer_is_servfail) {
  std::uint16_t nobody = 0;
  {
    const UniqueFd closed = bound(SOCK_DGRAM);
    nobody = port_of(closed);
  }
  const NameRelay relay(kHere, "127.0.0.1", nobody);
  const UniqueFd client = connected(SOCK_DGRAM, relay.udp_port());
  const std::string question("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01x\x00\x00\x01\x00\x01", 19);
  send_text(client, question);
  const std::string answer = receive(client);
  EXPECT_EQ(answer, std::string("\x12\x34\x81\x02\x00\x00\x00\x00\x00\x00\x00\x00", kHeader));
}

TEST(NameRelay, what_is_shorter_than_a_header_is_no_question) {
  const UniqueFd server = bound(SOCK_DGRAM);
  const NameRelay relay(kHere, "127.0.0.1", port_of(server));
  const UniqueFd client = connected(SOCK_DGRAM, relay.udp_port());
  send_text(client, "short");
  send_text(client, "a whole question");
  EXPECT_EQ(receive(server), "a whole question");
}

TEST(NameRelay, a_stream_is_passed_both_ways_to_its_end) {
  const UniqueFd server = bound(SOCK_STREAM);
  const NameRelay relay(kHere, "127.0.0.1", port_of(server));
  const UniqueFd client = connected(SOCK_STREAM, relay.tcp_port());
  const UniqueFd peer(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_GE(peer.get(), 0);
  send_text(client, "question");
  EXPECT_EQ(receive(peer), "question");
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(receive(peer), "");  // its end
  send_text(peer, "answer");
  EXPECT_EQ(receive(client), "answer");
  ::shutdown(peer.get(), SHUT_WR);
  EXPECT_EQ(receive(client), "");
}

TEST(NameRelay, asks_by_ipv6) {
  UniqueFd server(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 own{};
  own.sin6_family = AF_INET6;
  own.sin6_addr = in6addr_loopback;
  socklen_t length = sizeof own;
  if (server.get() < 0 || ::bind(server.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0) {
    GTEST_SKIP() << "there is no IPv6 here";
  }
  ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&own), &length);
  const NameRelay relay(kHere, "::1", ntohs(own.sin6_port));
  const UniqueFd client = connected(SOCK_DGRAM, relay.udp_port());
  send_text(client, "question by IPv6");
  EXPECT_EQ(receive(server), "question by IPv6");
}

TEST(NameRelay, no_address_is_no_relay) {
  EXPECT_THROW(NameRelay(kHere, "localhost"), std::system_error);
  EXPECT_THROW(NameRelay({"127.0.0.1", "nobody", "lo"}, "127.0.0.53"), std::system_error);
  EXPECT_THROW(NameRelay({"127.0.0.1", "127.0.0.1", "no such device"}, "127.0.0.53"), std::system_error);
  EXPECT_THROW(NameRelay({"nowhere", "127.0.0.1", "lo"}, "127.0.0.53"), std::system_error);
}

}  // namespace
}  // namespace wobble::daemon
