// Whether two ways in would take the same traffic, and how the ledger keeps them apart.
#include "daemon/ways_in/claim.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "api/backend.h"
#include "tests/daemon/ledger_fixture.h"

namespace wobble::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

api::AttachSettings attach_to(const std::vector<std::string>& addresses) {
  api::AttachSettings settings;
  settings.target = "host";
  settings.addresses = addresses;
  return settings;
}

api::AttachSettings attach_of(const std::string& protocol, const std::vector<std::uint16_t>& ports,
                              const std::vector<std::string>& interfaces = {}) {
  api::AttachSettings settings = attach_to({});
  settings.protocol = protocol;
  settings.ports = ports;
  settings.interfaces = interfaces;
  return settings;
}

bool both(const api::WayInSettings& a, const api::WayInSettings& b) {
  const Claim one = claim_of("a", a);
  const Claim other = claim_of("b", b);
  EXPECT_EQ(overlap(one, other), overlap(other, one));
  EXPECT_TRUE(overlap(one, one));
  return overlap(one, other);
}

// They were compared as text: an address within a network was another one.
TEST(Claim, networks_meet_when_one_is_within_the_other) {
  EXPECT_TRUE(both(attach_to({"10.2.0.2"}), attach_to({"10.2.0.0/24"})));
  EXPECT_TRUE(both(attach_to({"10.2.0.2/32"}), attach_to({"10.2.0.2"})));
  EXPECT_TRUE(both(attach_to({"10.2.0.9/24"}), attach_to({"10.2.0.7/24"}))) << "bits of the host count for nothing";
  EXPECT_TRUE(both(attach_to({"0.0.0.0/0"}), attach_to({"192.0.2.1"})));
  EXPECT_TRUE(both(attach_to({"10.2.0.2"}), attach_to({"::ffff:10.2.0.0/120"}))) << "that is 10.2.0.0/24";
  EXPECT_TRUE(both(attach_to({"fd00::/7"}), attach_to({"fdff::1"})));
  EXPECT_TRUE(both(attach_to({"192.0.2.1", "fd00::1"}), attach_to({"fd00::/8"})));
  EXPECT_TRUE(both(attach_to({}), attach_to({"fd00::/8"}))) << "none named is all";
  EXPECT_FALSE(both(attach_to({"10.2.0.0/24"}), attach_to({"10.2.1.0/24"})));
  EXPECT_FALSE(both(attach_to({"10.2.0.128/25"}), attach_to({"10.2.0.127"})));
  EXPECT_FALSE(both(attach_to({"0.0.0.0/0"}), attach_to({"fd00::/8"})));
  EXPECT_FALSE(both(attach_to({"fd00::/8"}), attach_to({"fe00::/8"})));
  EXPECT_FALSE(both(attach_to({"::/0"}), attach_to({"10.2.0.2"}))) << "all of IPv6 is nothing of IPv4";
}

TEST(Claim, an_attach_is_told_from_another_by_interface_port_and_protocol) {
  EXPECT_TRUE(both(attach_of("", {}), attach_of("tcp", {80})));
  EXPECT_TRUE(both(attach_of("", {80, 443}), attach_of("udp", {443})));
  EXPECT_FALSE(both(attach_of("", {80}), attach_of("", {443})));
  EXPECT_FALSE(both(attach_of("tcp", {}), attach_of("udp", {})));
  EXPECT_FALSE(both(attach_of("icmp", {}), attach_of("", {80}))) << "what has ports is no ICMP";
  EXPECT_FALSE(both(attach_of("", {}, {"eth0"}), attach_of("", {}, {"eth1"})));
  EXPECT_TRUE(both(attach_of("", {}, {"eth0"}), attach_of("", {})));
}

// Two networks of one router were refused, though no packet belongs to both.
TEST(Claim, gateways_meet_when_they_are_between_the_same_two_interfaces) {
  const auto gateway = [](const std::string& in, const std::string& out) {
    api::GatewaySettings settings;
    settings.in = in;
    settings.out = out;
    return settings;
  };
  EXPECT_FALSE(both(gateway("in0", "eth0"), gateway("in1", "eth0")));
  EXPECT_FALSE(both(gateway("in0", "eth0"), gateway("in0", "in1")));
  EXPECT_TRUE(both(gateway("in0", "eth0"), gateway("in0", "eth0")));
  EXPECT_TRUE(both(gateway("in0", "eth0"), gateway("eth0", "in0")));
}

TEST(Claim, kinds_take_different_traffic) {
  api::LoopbackSettings loopback;
  loopback.port = 80;
  EXPECT_FALSE(both(loopback, attach_of("tcp", {80})));
  api::LoopbackSettings by_udp = loopback;
  by_udp.protocol = "udp";
  EXPECT_FALSE(both(loopback, by_udp));
}

class ClaimTest : public LedgerTest {
 protected:
  void note(Ledger& ledger, const std::string& link, const api::WayInSettings& settings) const {
    inside([&] { ledger.note_claim(inode(), claim_of(link, settings)); });
  }
  std::string refusal(Ledger& ledger, const std::string& link, const api::WayInSettings& settings) const {
    try {
      note(ledger, link, settings);
    } catch (const api::Conflict& e) {
      return e.what();
    }
    return "";
  }
};

// A second daemon was let in front of the first, whose link then carried nothing, and both said "up".
TEST_F(ClaimTest, what_one_daemon_diverts_another_is_refused) {
  Ledger first = make_ledger();
  Ledger second = make_ledger();
  note(first, "web", attach_of("tcp", {80}));
  EXPECT_THAT(refusal(second, "mine", attach_of("", {80})),
              AllOf(HasSubstr("the link 'web' of another daemon, process "), HasSubstr("detach it there first")));
  EXPECT_THAT(refusal(first, "mine", attach_of("", {80})),
              AllOf(HasSubstr("the link 'web' diverts this traffic already"), HasSubstr("(wobble detach web)"),
                    Not(HasSubstr("daemon"))));
  EXPECT_EQ(refusal(second, "mine", attach_of("", {443})), "");
  EXPECT_THAT(refusal(first, "more", attach_of("", {443})), HasSubstr("'mine' of another daemon"));
  first.drop_claim(inode(), "web");
  EXPECT_EQ(refusal(second, "web", attach_of("", {80})), "");
  second.drop_claim(inode(), "web");
  second.drop_claim(inode(), "mine");
  second.drop_claim(inode(), "mine");
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(ClaimTest, one_that_was_killed_claims_nothing) {
  {
    Ledger dead = make_ledger();
    note(dead, "web", attach_of("", {}));
    EXPECT_THAT(ledger_text(), HasSubstr("web"));
  }
  EXPECT_THAT(recover_all(true).failed, IsEmpty());
  EXPECT_THAT(ledger_text(), HasSubstr("web")) << "a dry run changes nothing";
  Ledger living = make_ledger();
  EXPECT_EQ(refusal(living, "web", attach_of("", {})), "");
  EXPECT_THAT(recover_all().failed, IsEmpty());
  EXPECT_THAT(ledger_text(), HasSubstr("web")) << "that one lives";
  living.drop_claim(inode(), "web");
  {
    Ledger dead = make_ledger();
    note(dead, "web", attach_of("", {}));
  }
  EXPECT_THAT(recover_all().done, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(ClaimTest, in_another_namespace_it_is_other_traffic) {
  Ledger ledger = make_ledger();
  note(ledger, "web", attach_of("", {}));
  const NetworkNamespace other;
  other.run([&] { ledger.note_claim(other.inode(), claim_of("web-2", attach_of("", {}))); });
  ledger.drop_claim(inode(), "web");
  EXPECT_THAT(ledger_text(), HasSubstr("web-2"));
  ledger.drop_claim(other.inode(), "web-2");
}

TEST_F(ClaimTest, where_nothing_can_be_written_one_daemon_still_knows_its_own) {
  Ledger ledger("/proc/nosuch");
  note(ledger, "web", attach_of("", {}));
  EXPECT_THAT(refusal(ledger, "web-2", attach_of("", {80})), HasSubstr("the link 'web' diverts"));
  ledger.drop_claim(inode(), "web");
  EXPECT_EQ(refusal(ledger, "web-2", attach_of("", {80})), "");
}

TEST_F(ClaimTest, a_ledger_from_before_there_were_claims_is_read) {
  write_file("ledger.json", R"({"version": 2, "namespaces": {")" + std::to_string(inode()) +
                                R"(": {"cookie": 0, "nft_tables": [], "filters": [], "sysctls":
      [{"name": "ipv4/conf/lo/forwarding", "before": "0", "ours": "1", "interface": 1, "owners": ["1-1"]}]}}})");
  set(kForward, "1");
  EXPECT_THAT(recover_all().told, IsEmpty());
  EXPECT_EQ(value(kForward), "0");
}

TEST_F(ClaimTest, a_claim_that_cannot_be_read_puts_the_file_aside) {
  write_file("ledger.json", R"({"version": 3, "namespaces": {"1": {"cookie": 1, "sysctls": [], "filters": [],
      "nft_tables": [], "claims": [{"link": "web", "kind": "attach", "interfaces": [], "ports": [],
      "addresses": ["ten"], "protocol": "", "owners": ["1-1"]}]}}})");
  Ledger ledger = make_ledger();
  note(ledger, "web", attach_of("", {}));
  EXPECT_TRUE(has_file("ledger.json.aside"));
  ledger.drop_claim(inode(), "web");
}

}  // namespace
}  // namespace wobble::test
