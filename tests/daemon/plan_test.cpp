// What a way in would change, made from what `ip` shows, without touching anything.
#include "daemon/ways_in/plan.h"

#include <gmock/gmock.h>

#include "api/backend.h"

namespace wobble::daemon {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// eth0 with the default route, eth1 beside it, as two of Docker's networks look from inside.
NetnsView container() {
  NetnsView view;
  view.interfaces = read_interfaces(IpJson::parse(R"([
    {"ifname":"lo","flags":["LOOPBACK","UP"],"mtu":65536,"addr_info":[
      {"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"},
      {"family":"inet6","local":"::1","prefixlen":128,"scope":"host"}]},
    {"ifname":"eth0","flags":["UP"],"mtu":1500,"addr_info":[
      {"family":"inet","local":"172.18.0.3","prefixlen":16,"scope":"global"},
      {"family":"inet6","local":"fd00::3","prefixlen":64,"scope":"global"},
      {"family":"inet6","local":"fe80::3","prefixlen":64,"scope":"link"}]},
    {"ifname":"eth1","flags":["UP"],"mtu":1400,"addr_info":[
      {"family":"inet","local":"172.19.0.3","prefixlen":16,"scope":"global"}]}])"));
  view.routes[0] = read_routes(IpJson::parse(R"([
    {"dst":"default","gateway":"172.18.0.1","dev":"eth0","flags":[]},
    {"dst":"172.18.0.0/16","dev":"eth0","prefsrc":"172.18.0.3"},
    {"dst":"172.19.0.0/16","dev":"eth1","prefsrc":"172.19.0.3"},
    {"type":"blackhole","dst":"10.0.0.0/8"}])"));
  view.routes[1] = read_routes(IpJson::parse(R"([
    {"dst":"fd00::/64","dev":"eth0","metric":256}, {"dst":"fe80::/64","dev":"eth0","metric":256},
    {"dst":"default","gateway":"fd00::1","dev":"eth0","metric":1024}])"));
  return view;
}

TEST(PlanAttach, TablesMirrorMainWithTheSourceEachRouteWouldHaveHad) {
  const Plan plan = plan_attach({}, container(), Slot{1});
  EXPECT_THAT(plan.routes[0],
              ElementsAre("route add default dev wob1n src 172.18.0.3 table 7902",
                          "route add 172.18.0.0/16 dev wob1n src 172.18.0.3 table 7902",
                          "route add 172.19.0.0/16 dev wob1n src 172.19.0.3 table 7902 mtu 1400",
                          "route add throw 10.0.0.0/8 table 7902", "route add 172.18.0.3/32 dev wob1f table 7903",
                          "route add 172.19.0.3/32 dev wob1f table 7903"));
  EXPECT_THAT(plan.routes[1], Contains("route add fd00::3/128 dev wob1f table 7903"));
  for (const std::string& line : plan.routes[1]) EXPECT_THAT(line, Not(HasSubstr("fe80")));
  EXPECT_EQ(plan.mtu, 1500);
}

TEST(PlanAttach, ArpAndNeighbourDiscoveryStayOutside) {
  const Plan plan = plan_attach({}, container(), Slot{0});
  for (const Family family : kFamilies) {
    for (const std::string& line : plan.rules[index_of(family)]) {
      if (line.find("lookup 79") == std::string::npos) continue;
      EXPECT_THAT(line, HasSubstr("ipproto")) << "a rule without a protocol is met by ARP too";
      EXPECT_THAT(line, Not(HasSubstr("ipproto 58")));
    }
  }
}

TEST(PlanAttach, APortIsThatOfEitherEndBothWays) {
  api::AttachSettings settings;
  settings.ports = {443};
  settings.protocol = "tcp";
  settings.interfaces = {"eth0"};
  settings.addresses = {"10.0.0.0/8"};
  const Plan plan = plan_attach(settings, container(), Slot{0});
  EXPECT_THAT(plan.rules[0],
              ElementsAre("rule add priority 7900 iif wob0f lookup 254", "rule add priority 7900 iif wob0n lookup 255",
                          "rule add priority 7930 iif lo lookup 255",
                          "rule add priority 7920 iif eth0 ipproto 6 dport 443 from 10.0.0.0/8 lookup 7901",
                          "rule add priority 7920 iif eth0 ipproto 6 sport 443 from 10.0.0.0/8 lookup 7901",
                          "rule add priority 7940 iif lo ipproto 6 dport 443 to 10.0.0.0/8 lookup 7900",
                          "rule add priority 7940 iif lo ipproto 6 sport 443 to 10.0.0.0/8 lookup 7900"));
  EXPECT_FALSE(plan.uses[1]) << "no address of IPv6 was asked for";
  EXPECT_THAT(plan.rules[1], IsEmpty());
  EXPECT_THAT(plan.routes[0], Contains("route add throw 172.19.0.0/16 table 7900"));
}

TEST(PlanAttach, ClosedEndsInABlackhole) {
  api::AttachSettings settings;
  settings.fail = api::FailMode::closed;
  const Plan plan = plan_attach(settings, container(), Slot{0});
  for (const Family family : kFamilies) {
    for (const char* table : {"7900", "7901"}) {
      EXPECT_THAT(plan.routes[index_of(family)],
                  Contains(std::string("route add blackhole default table ") + table + " metric 4294967295"));
    }
  }
}

TEST(PlanAttach, WhatIsNotThereIsNamed) {
  api::AttachSettings settings;
  settings.interfaces = {"eth0", "eth7"};
  try {
    plan_attach(settings, container(), Slot{0});
    FAIL();
  } catch (const api::Unfit& e) {
    EXPECT_EQ(e.pointer, "/attach/interfaces/1");
    EXPECT_THAT(e.what(), HasSubstr("eth7"));
  }
}

TEST(PlanGateway, EachInterfaceLeadsToItsSide) {
  api::GatewaySettings settings;
  settings.in = "eth0";
  settings.out = "eth1";
  const Plan plan = plan_gateway(settings, container(), Slot{0});
  EXPECT_THAT(
      plan.rules[0],
      ElementsAre("rule add priority 7900 iif wob0f lookup 254", "rule add priority 7900 iif wob0n lookup 254",
                  "rule add priority 7920 iif eth0 lookup 7900", "rule add priority 7920 iif eth1 lookup 7901"));
  EXPECT_FALSE(plan.uses[1]) << "eth1 has no IPv6";
  EXPECT_FALSE(plan.moves_local);
}

TEST(NetnsView, RulesThatWouldComeBeforeLocal) {
  EXPECT_THAT(read_earlier_rules(IpJson::parse(R"([{"priority":0,"src":"all","table":"255"},
      {"priority":100,"src":"10.0.0.1","table":"100"}, {"priority":7990,"src":"all","table":"255"},
      {"priority":32766,"src":"all","table":"254"}])")),
              ElementsAre("100: from 10.0.0.1 lookup 100"));
}

TEST(NetnsView, Networks) {
  EXPECT_TRUE(is_in_network("172.18.0.1", {"172.18.0.3", 16}));
  EXPECT_FALSE(is_in_network("172.19.0.1", {"172.18.0.3", 16}));
  EXPECT_TRUE(is_in_network("10.0.0.2", {"10.0.0.1", 30}));
  EXPECT_FALSE(is_in_network("10.0.0.4", {"10.0.0.1", 30}));
  EXPECT_TRUE(is_in_network("fd00::9", {"fd00::3", 64}));
  EXPECT_FALSE(is_in_network("10.0.0.1", {"fd00::3", 64}));
}

TEST(Slots, NoneSharesAPriorityOrATableWithAnother) {
  for (int a = 0; a < Slot::kCount; ++a) {
    for (int b = 0; b < Slot::kCount; ++b) {
      const Slot one{a};
      const Slot other{b};
      for (const auto priority : {one.onward(), one.arriving(), one.staying(), one.leaving()}) {
        EXPECT_TRUE(is_our_priority(priority));
        EXPECT_EQ(other.has_priority(priority), a == b);
        EXPECT_LT(priority, kLocalPriority);
      }
      EXPECT_EQ(other.has_table(one.near_table()) || other.has_table(one.far_table()), a == b);
      EXPECT_TRUE(is_our_table(one.far_table()));
    }
  }
}

}  // namespace
}  // namespace wobble::daemon
