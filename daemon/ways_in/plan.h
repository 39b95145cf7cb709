// What a way in changes in a namespace, as data: made from what stands there, without touching it. Pure.
//
// The two routing tables of the slot do not simply say "everything into the link": they mirror the table `main`, with
// our device in place of the interfaces meant. So the source address of a connection is the one it would have had, what
// `main` cannot reach is not reached, and what goes through other interfaces is left alone.
//
// Rules name protocols one by one. Not for narrowness alone: the kernel looks up ARP requests by the same rules
// (without a protocol), and would no longer answer for an address whose route leads away. For the same reason ICMPv6
// passes by the link: it is also neighbour discovery, which must come from the interface itself with a hop limit of
// 255.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/ways_in.h"
#include "daemon/ways_in/netns_view.h"
#include "daemon/ways_in/slot.h"

namespace wobble::daemon {

struct Plan {
  using Setting = std::pair<std::string, std::string>;  ///< a sysctl's name and value

  int mtu = 1500;
  bool uses[2] = {true, true};  ///< by Family
  bool moves_local = false;
  std::vector<std::string> arriving_on;  ///< interfaces whose reverse-path filter must let our detour pass
  std::vector<Setting> sysctls;          ///< held while the link stands
  std::vector<Setting> device_sysctls;   ///< of our own devices
  std::vector<std::string> routes[2];    ///< lines for `ip -batch`, by Family
  std::vector<std::string> rules[2];
  std::string masqueraded_device;           ///< behind whose address what leaves by it hides; empty: none
  std::vector<std::string> near_addresses;  ///< for a person: whose traffic it is
};

/// Throws api::Unfit for an interface that is not there or has nothing to divert.
Plan plan_attach(const api::AttachSettings& settings, const NetnsView& view, Slot slot);
Plan plan_loopback(const api::LoopbackSettings& settings, const NetnsView& view, Slot slot);
Plan plan_gateway(const api::GatewaySettings& settings, const NetnsView& view, Slot slot);

}  // namespace wobble::daemon
