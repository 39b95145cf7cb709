// Which interfaces an attach means, and how address ranges are compared.
#include "daemon/ways_in/selection.h"

#include <gmock/gmock.h>
#include <net/if_arp.h>
#include <netinet/in.h>

#include <stdexcept>

#include "api/backend.h"

namespace wobble::daemon {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

NetworkInterface interface(int index, const std::string& name, const std::string& kind = "",
                           std::uint16_t type = ARPHRD_ETHER) {
  NetworkInterface made;
  made.index = index;
  made.name = name;
  made.kind = kind;
  made.type = type;
  made.is_up = true;
  return made;
}

NetworkInterface with(NetworkInterface it, int master, int lower) {
  it.master = master;
  it.lower = lower;
  return it;
}

std::vector<std::string> chosen(const std::vector<std::string>& names, const std::vector<NetworkInterface>& present) {
  std::vector<std::string> out;
  for (const NetworkInterface& one : choose_interfaces(names, present)) out.push_back(one.name);
  return out;
}

const NetworkInterface kLoopback = interface(1, "lo", "", ARPHRD_LOOPBACK);

TEST(Selection, MeansEveryInterfaceThatIsUpButTheLoopbackAndOurOwn) {
  auto down = interface(5, "eth1");
  down.is_up = false;
  EXPECT_THAT(chosen({}, {kLoopback, interface(2, "eth0"), interface(3, "wob0n", "tun"), interface(4, "wlan0"), down}),
              ElementsAre("eth0", "wlan0"));
}

TEST(Selection, MeetsNoPacketTwice) {
  EXPECT_THAT(chosen({}, {interface(2, "eth0"), with(interface(3, "eth0.7", "vlan"), 0, 2),
                          with(interface(4, "mac0", "macvlan"), 0, 2)}),
              ElementsAre("eth0"))
      << "what goes through a VLAN passes the interface below it";
  EXPECT_THAT(chosen({}, {interface(2, "br0", "bridge"), with(interface(3, "veth1", "veth"), 2, 0)}),
              ElementsAre("br0"));
  EXPECT_THAT(chosen({}, {interface(2, "blue", "vrf"), with(interface(3, "eth0"), 2, 0)}), ElementsAre("eth0"));
  EXPECT_THAT(
      chosen({}, {interface(2, "eth0"), interface(3, "wg0", "wireguard", ARPHRD_NONE), interface(4, "vx0", "vxlan")}),
      ElementsAre("eth0"))
      << "a tunnel's packets leave by eth0";
}

TEST(Selection, MeansATunnelWhereThereIsNothingElse) {
  EXPECT_THAT(chosen({}, {kLoopback, interface(3, "wg0", "wireguard", ARPHRD_NONE)}), ElementsAre("wg0"));
}

TEST(Selection, MeansWhatIsNamedWhateverItIs) {
  const std::vector<NetworkInterface> present{interface(2, "eth0"), interface(3, "wg0", "wireguard", ARPHRD_NONE)};
  EXPECT_THAT(chosen({"wg0"}, present), ElementsAre("wg0"));
  EXPECT_THAT(chosen({"eth7"}, present), IsEmpty());
}

TEST(Selection, SaysWhatIsWrongWithAName) {
  auto down = interface(5, "eth1");
  down.is_up = false;
  const std::vector<NetworkInterface> present{kLoopback, down, interface(6, "ib0", "", ARPHRD_INFINIBAND)};
  for (const char* name : {"eth0", "lo", "eth1", "ib0"}) {
    EXPECT_THROW(require_interface(name, present, "/attach/interfaces/0"), api::Unfit) << name;
  }
}

TEST(Selection, ToAPortNoRouteLeads) {
  const std::vector<NetworkInterface> present{interface(2, "br0", "bridge"), with(interface(3, "eth0"), 2, 0),
                                              interface(4, "eth1"), interface(5, "blue", "vrf"),
                                              with(interface(6, "eth2"), 5, 0)};
  EXPECT_THROW(require_routes_between("br0", "eth0", present), api::Unfit);
  EXPECT_THROW(require_routes_between("eth0", "br0", present), api::Unfit);
  EXPECT_THROW(require_routes_between("eth1", "eth0", present), api::Unfit);
  EXPECT_NO_THROW(require_routes_between("eth1", "br0", present));
  EXPECT_NO_THROW(require_routes_between("br0", "eth1", present));
  EXPECT_NO_THROW(require_routes_between("eth1", "eth2", present)) << "of a VRF";
}

TEST(Selection, ReadsAddressRanges) {
  const Network v4 = read_network("10.1.2.3/8");
  EXPECT_EQ(v4.length, 104U);
  EXPECT_THAT(v4.address, ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3));
  EXPECT_EQ(read_network("10.1.2.3").length, 128U);
  EXPECT_EQ(read_network("fd00::/8").length, 8U);
  for (const char* wrong : {"", "ten", "10.0.0.0/33", "fd00::/129", "10.0.0.0/x", "10.0.0.0/"}) {
    EXPECT_THROW(read_network(wrong), std::invalid_argument) << wrong;
  }
}

}  // namespace
}  // namespace wobble::daemon
