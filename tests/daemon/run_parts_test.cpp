// What a `run` is made of, as far as it needs no rights: its rules as text, what is said of a firewall, and the relay
// beside the link. tests/e2e/run_host.py has the whole with real packets.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "daemon/system/program.h"
#include "daemon/ways_in/firewall.h"
#include "daemon/ways_in/localhost_relay.h"
#include "daemon/ways_in/run_rules.h"
#include "tests/daemon/socket_port.h"

namespace wobble::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RunRules, without_wishes_only_translate_what_leaves) {
  RunRules rules;
  rules.names.number = 7;
  EXPECT_EQ(rules.inside(), "");
  EXPECT_EQ(rules.outside(),
            " chain out { type nat hook postrouting priority 100;\n"
            "  ip saddr 198.19.7.2 oifname != \"wobrun7\" masquerade\n }\n");
  rules.has_v6 = true;
  EXPECT_THAT(rules.outside(), HasSubstr("ip6 saddr fdc7:6f62:8::2 oifname != \"wobrun7\" masquerade\n"));
}

TEST(RunRules, lead_a_service_of_loopback_through_the_link_and_guard_the_rest) {
  RunRules rules;
  rules.names.number = 0;
  rules.with = {5432, 6379};
  EXPECT_THAT(rules.inside(), HasSubstr("ip daddr 127.0.0.1 meta l4proto { tcp, udp } th dport { 5432, 6379 } "
                                        "dnat ip to 198.19.0.1\n"));
  EXPECT_THAT(rules.outside(),
              HasSubstr("iifname \"wobrun0\" ip saddr 198.19.0.2 ip daddr 198.19.0.1 meta l4proto { tcp, udp } "
                        "th dport { 5432, 6379 } dnat ip to 127.0.0.1\n"));
  EXPECT_THAT(rules.outside(), HasSubstr("iifname \"wobrun0\" ip daddr 127.0.0.0/8 drop\n"));
}

TEST(RunRules, lead_a_service_at_the_loopback_of_ipv6_if_there_is_one) {
  RunRules rules;
  rules.names.number = 0;
  rules.with = {5432};
  EXPECT_THAT(rules.inside() + rules.outside(), Not(HasSubstr("ip6")));
  EXPECT_TRUE(rules.v6_loopback_routes("near").empty());
  rules.with_v6 = true;
  EXPECT_THAT(rules.inside(), HasSubstr("ip6 daddr ::1 meta l4proto { tcp, udp } th dport { 5432 } dnat ip6 to "
                                        "fdc7:6f62:1::1\n"));
  EXPECT_THAT(rules.inside(), HasSubstr("oifname \"near\" ip6 saddr ::1 snat ip6 to fdc7:6f62:1::2\n"));
  EXPECT_THAT(rules.outside(), HasSubstr("ip6 saddr fdc7:6f62:1::2 ip6 daddr fdc7:6f62:1::1 meta l4proto { tcp, udp } "
                                         "th dport { 5432 } dnat ip6 to ::1\n"));
  EXPECT_THAT(rules.outside(), HasSubstr("ip6 saddr fdc7:6f62:1::2 ip6 daddr ::1 snat ip6 to ::1\n"));
  EXPECT_THAT(rules.v6_loopback_routes("near"),
              ::testing::ElementsAre("route replace local ::1 dev near table local metric 4096"));
}

IpJson chain(const char* family, const char* table, const char* name, const char* hook, const char* policy) {
  return {{"chain", {{"family", family}, {"table", table}, {"name", name}, {"hook", hook}, {"policy", policy}}}};
}

TEST(Firewall, each_chain_that_drops_is_named_with_its_own_remedy) {
  const IpJson chains = {chain("ip", "filter", "FORWARD", "forward", "drop"),
                         chain("ip6", "filter", "FORWARD", "forward", "drop"),
                         chain("inet", "mine", "pass", "forward", "drop"), chain("inet", "mine", "in", "input", "drop"),
                         chain("inet", "yours", "pass", "forward", "accept")};
  EXPECT_EQ(
      what_lets_through(chains, Family::v4, "forward", "wobrun"),
      "the policy of ip filter FORWARD and of inet mine pass (see 'nft list chains') drops them; let them through: "
      "iptables -I FORWARD -i 'wobrun+' -j ACCEPT; iptables -I FORWARD -o 'wobrun+' -j ACCEPT; "
      "nft insert rule inet mine pass iifname 'wobrun*' accept; nft insert rule inet mine pass oifname 'wobrun*' "
      "accept");
  EXPECT_EQ(what_lets_through(chains, Family::v6, "input", "wobrun"),
            "the policy of inet mine in (see 'nft list chains') drops them; let them through: "
            "nft insert rule inet mine in iifname 'wobrun*' accept");
}

TEST(Firewall, where_no_policy_drops_it_is_a_rule) {
  EXPECT_THAT(what_lets_through(IpJson::array(), Family::v6, "forward", "wobrun"),
              HasSubstr("ip6tables -I FORWARD -i 'wobrun+' -j ACCEPT"));
  const IpJson firewalld = {chain("inet", "firewalld", "filter_FORWARD", "forward", "accept")};
  EXPECT_THAT(what_lets_through(firewalld, Family::v4, "forward", "wobrun"), HasSubstr("firewall-cmd --zone=trusted"));
}

UniqueFd socket_at_loopback(std::uint16_t port, bool listens) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{10, 0};  // a test that fails ends
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (listens) {
    EXPECT_EQ(::bind(socket.get(), where, sizeof address), 0);
    EXPECT_EQ(::listen(socket.get(), 10), 0);
  } else {
    EXPECT_EQ(::connect(socket.get(), where, sizeof address), 0);
  }
  return socket;
}

TEST(LocalhostRelay, a_port_that_is_taken_is_an_error) {
  const UniqueFd taken = socket_at_loopback(0, true);
  EXPECT_THROW(LocalhostRelay(NetworkNamespace::own(), {port_of(taken)}), std::system_error);
}

TEST(LocalhostRelay, where_nobody_listens_a_client_is_reset) {
  std::uint16_t port = 0;
  {
    const UniqueFd closed = socket_at_loopback(0, true);
    port = port_of(closed);
  }
  if (::geteuid() != 0) GTEST_SKIP() << "it takes root to make a namespace";
  NetworkNamespace elsewhere;
  elsewhere.run([] { run_program({"ip", "link", "set", "lo", "up"}, ""); });
  const LocalhostRelay relay(elsewhere, {port});
  char byte = 0;
  ssize_t n = 0;
  int error = 0;
  elsewhere.run([&] {
    const UniqueFd client = socket_at_loopback(port, false);
    n = ::recv(client.get(), &byte, 1, 0);
    error = errno;
  });
  EXPECT_EQ(n, -1);
  EXPECT_EQ(error, ECONNRESET);
}

}  // namespace
}  // namespace wobble::daemon
