#include "daemon/ways_in/selection.h"

#include <arpa/inet.h>
#include <net/if_arp.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "api/backend.h"
#include "daemon/below_ip/detour.h"
#include "daemon/system/marks.h"

namespace wobble::daemon {
namespace {

using Interfaces = std::vector<NetworkInterface>;

bool is_ours(const NetworkInterface& interface) { return interface.name.starts_with(kDevicePrefix); }

/// With an Ethernet header, but carried by another interface all the same.
bool is_tunnel(const NetworkInterface& interface) {
  static constexpr const char* kTunnels[] = {"vxlan",  "geneve",    "gretap", "ip6gretap",
                                             "erspan", "ip6erspan", "bareudp"};
  return !has_ethernet_header(interface.type).value_or(true) ||
         std::ranges::find(kTunnels, interface.kind) != std::end(kTunnels);
}

const NetworkInterface* find(const Interfaces& present, int index) {
  const auto found = std::ranges::find(present, index, &NetworkInterface::index);
  return found == present.end() ? nullptr : &*found;
}

bool is_port(const NetworkInterface& interface, const Interfaces& present) {
  const NetworkInterface* master = interface.master == 0 ? nullptr : find(present, interface.master);
  return master != nullptr && master->kind != "vrf";  // what comes by a port of a VRF stays its own
}

bool is_stacked(const NetworkInterface& interface, const Interfaces& present) {
  static constexpr const char* kStacked[] = {"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"};
  const NetworkInterface* lower = interface.lower == 0 ? nullptr : find(present, interface.lower);
  return lower != nullptr && lower->is_up && std::ranges::find(kStacked, interface.kind) != std::end(kStacked);
}

bool can_be_diverted(const NetworkInterface& interface) { return has_ethernet_header(interface.type).has_value(); }

}  // namespace

Interfaces choose_interfaces(const std::vector<std::string>& names, const Interfaces& present) {
  Interfaces chosen;
  if (!names.empty()) {
    std::ranges::copy_if(present, std::back_inserter(chosen), [&](const NetworkInterface& i) {
      return i.is_up && can_be_diverted(i) && std::ranges::find(names, i.name) != names.end();
    });
    return chosen;
  }
  std::ranges::copy_if(present, std::back_inserter(chosen), [&](const NetworkInterface& i) {
    return i.is_up && i.type != ARPHRD_LOOPBACK && i.kind != "vrf" && can_be_diverted(i) && !is_ours(i) &&
           !is_port(i, present) && !is_stacked(i, present);
  });
  if (!std::ranges::all_of(chosen, is_tunnel)) std::erase_if(chosen, is_tunnel);
  return chosen;
}

void require_interface(const std::string& name, const Interfaces& present, const std::string& pointer) {
  const auto found = std::ranges::find(present, name, &NetworkInterface::name);
  const std::string it = "the interface '" + name + "' ";
  if (found == present.end()) throw api::Unfit(pointer, "there is no interface '" + name + "' there");
  if (found->type == ARPHRD_LOOPBACK) throw api::Unfit(pointer, "for the loopback interface there is \"loopback\"");
  if (!found->is_up) throw api::Unfit(pointer, it + "is down: ip link set " + name + " up");
  if (is_ours(*found)) throw api::Unfit(pointer, it + "is a device of a link");
  if (!can_be_diverted(*found)) throw api::Unfit(pointer, it + "has frames of a kind that cannot be diverted");
}

void require_routes_between(const std::string& in, const std::string& out, const Interfaces& present) {
  const auto master_of = [&](const std::string& name) -> std::string {
    const auto found = std::ranges::find(present, name, &NetworkInterface::name);
    return found != present.end() && is_port(*found, present) ? find(present, found->master)->name : "";
  };
  const std::string of_in = master_of(in);
  const std::string of_out = master_of(out);
  if (of_in == out || of_out == in) {
    const bool is_in = of_in == out;
    throw api::Unfit(is_in ? "/gateway/in" : "/gateway/out",
                     "the interface '" + (is_in ? in : out) + "' is a port of '" + (is_in ? out : in) +
                         "', so nothing is forwarded between the two: name an interface of another network");
  }
  if (of_out.empty()) return;
  throw api::Unfit("/gateway/out", "the interface '" + out + "' is a port of '" + of_out +
                                       "', and no route leads to a port: write '" + of_out + "'");
}

Network read_network(const std::string& cidr) {
  const auto slash = cidr.find('/');
  const std::string text = cidr.substr(0, slash);
  const bool is_v4 = text.find(':') == std::string::npos;
  Network network;
  if (is_v4) network.address[10] = network.address[11] = 0xff;
  const int read = ::inet_pton(is_v4 ? AF_INET : AF_INET6, text.c_str(), network.address.data() + (is_v4 ? 12 : 0));
  std::uint32_t length = is_v4 ? 32 : 128;
  bool is_number = true;
  if (slash != std::string::npos) {
    const std::string digits = cidr.substr(slash + 1);
    std::uint32_t given = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), given);
    is_number = error == std::errc() && end == digits.data() + digits.size() && given <= length;
    length = given;
  }
  if (read != 1 || !is_number) throw std::invalid_argument("'" + cidr + "' is no address range, as 10.0.0.0/8 is one");
  network.length = length + (is_v4 ? 96 : 0);
  static constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  network.is_v4 = network.length >= 96 && std::equal(kMapped.begin(), kMapped.end(), network.address.begin());
  return network;
}

bool Network::meets(const Network& other) const {
  if (is_v4 != other.is_v4) return false;
  const std::uint32_t common = std::min(length, other.length);
  const std::uint32_t bytes = common / 8;
  if (!std::equal(address.begin(), address.begin() + bytes, other.address.begin())) return false;
  const std::uint32_t bits = common % 8;
  return bits == 0 || (address[bytes] ^ other.address[bytes]) >> (8 - bits) == 0;
}

std::uint8_t protocol_number(const std::string& word) {
  if (word == "tcp") return IPPROTO_TCP;
  if (word == "udp") return IPPROTO_UDP;
  return word == "icmp" ? IPPROTO_ICMP : 0;
}

}  // namespace wobble::daemon
