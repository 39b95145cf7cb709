#include "daemon/cli/leftovers.h"

#include <gmock/gmock.h>

namespace {

using namespace wobble::daemon;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> what(const std::vector<Leftover>& leftovers) {
  std::vector<std::string> out;
  for (const Leftover& leftover : leftovers) out.push_back(leftover.what);
  return out;
}

TEST(Leftovers, rules_are_known_by_priority_or_table) {
  const Json rules = Json::parse(R"([
      {"priority":0,"src":"all","table":"255"},
      {"priority":7899,"src":"all","table":"7899"},
      {"priority":7900,"src":"all","iif":"far","table":"254"},
      {"priority":10,"src":"10.0.0.0","srclen":8,"ipproto":"tcp","dport":"80","table":"7999"},
      {"priority":7999,"src":"all","action":"blackhole"},
      {"priority":8000,"src":"all","table":"8000"},
      {"priority":32766,"src":"all","table":"254"}])");
  const auto found = leftover_rules(rules, "-4");
  EXPECT_THAT(what(found), ElementsAre("IPv4 rule 7900: iif far lookup 254",
                                       "IPv4 rule 10: from 10.0.0.0/8 ipproto tcp dport 80 lookup 7999",
                                       "IPv4 rule 7999: blackhole"));
  EXPECT_THAT(found[0].mend, ElementsAre("ip", "-4", "rule", "del", "priority", "7900", "table", "254"));
  EXPECT_THAT(found[2].mend, ElementsAre("ip", "-4", "rule", "del", "priority", "7999"));
}

// attach moves the rule for the table `local` into our range: to take that away and nothing else cuts the machine off.
TEST(Leftovers, the_local_rule_is_put_back_before_ours_goes) {
  const Json moved = Json::parse(R"([{"priority":7920,"src":"all","table":"255"}])");
  EXPECT_THAT(what(leftover_rules(moved, "-6")),
              ElementsAre("IPv6 rule 0: lookup local, put back", "IPv6 rule 7920: lookup 255"));
  const Json both = Json::parse(R"([{"priority":0,"src":"all","table":"255"},{"priority":7920,"table":"255"}])");
  EXPECT_EQ(leftover_rules(both, "-6").size(), 1U);
}

TEST(Leftovers, a_table_is_flushed_once) {
  const auto found = leftover_routes(Json::parse(R"([
      {"dst":"default","dev":"wob0n","table":"7900"}, {"dst":"10.0.0.0/8","dev":"wob0n","table":"7900"},
      {"dst":"default","dev":"eth0"}, {"type":"blackhole","dst":"default","table":"7901"}])"),
                                     "-4");
  EXPECT_THAT(what(found),
              ElementsAre("IPv4 route default dev wob0n in table 7900", "IPv4 route 10.0.0.0/8 dev wob0n in table 7900",
                          "IPv4 route default in table 7901"));
  EXPECT_THAT(found[0].mend, ElementsAre("ip", "-4", "route", "flush", "table", "7900"));
  EXPECT_THAT(found[1].mend, IsEmpty());
  EXPECT_THAT(found[2].mend, ElementsAre("ip", "-4", "route", "flush", "table", "7901"));
}

TEST(Leftovers, only_tun_devices_of_our_name) {
  const auto found = leftover_devices(Json::parse(R"([
      {"ifname":"wob0","linkinfo":{"info_kind":"tun"}}, {"ifname":"wobbly","linkinfo":{"info_kind":"veth"}},
      {"ifname":"tun0","linkinfo":{"info_kind":"tun"}}, {"ifname":"wob1"}])"));
  EXPECT_THAT(what(found), ElementsAre("TUN device wob0"));
}

TEST(Leftovers, only_namespaces_of_dead_owners) {
  const auto found = leftover_namespaces(Json::parse(R"([
      {"name":"wobble-4-lab"}, {"name":"wobble-5-lab","id":0}, {"name":"wobble-test-5"}, {"name":"wobble-5"},
      {"name":"wobble-5x-a"}, {"name":"wobble-0-a"}, {"name":"wobble--5-a"}, {"name":"blue"}, {}])"),
                                         [](int pid) { return pid == 4; });
  EXPECT_THAT(what(found), ElementsAre("network namespace wobble-5-lab of process 5, which has ended"));
}

TEST(Leftovers, of_something_else_are_none) {
  EXPECT_THAT(leftover_rules(Json(), "-4"), IsEmpty());
  EXPECT_THAT(leftover_routes(Json::parse("{}"), "-4"), IsEmpty());
  EXPECT_THAT(leftover_devices(Json::parse("[1,null,\"x\"]")), IsEmpty());
  EXPECT_THAT(leftover_namespaces(Json::parse("7"), [](int) { return false; }), IsEmpty());
}

}  // namespace
