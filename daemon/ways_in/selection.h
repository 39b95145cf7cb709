// What of a namespace's traffic a way in means, from its settings: which interfaces, and what of their packets. Pure.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "api/ways_in.h"
#include "daemon/below_ip/route_socket.h"

namespace wobble::daemon {

/// The interfaces that an attach diverts. Named ones, of those that are up; without names all that are up and lead
/// outside, so that no packet is met twice:
///   - not the loopback interface, and no device of ours
///   - not a port of a bridge or a bond: its master
///   - not a VLAN or its like on an interface that is there: what goes through it passes that one
///   - not a tunnel, if there is an interface it may lead through: what it carries leaves by that one
std::vector<NetworkInterface> choose_interfaces(const std::vector<std::string>& names,
                                                const std::vector<NetworkInterface>& present);

/// Throws api::Unfit with `pointer` if there is no interface of that name, or one that cannot be diverted.
void require_interface(const std::string& name, const std::vector<NetworkInterface>& present,
                       const std::string& pointer);

/// Throws api::Unfit if no packet can be forwarded from one to the other: no route leads to a port of a bridge or a
/// bond, and what comes by one comes by its master.
void require_routes_between(const std::string& in, const std::string& out,
                            const std::vector<NetworkInterface>& present);

/// An address range as the programs compare it: 16 bytes, IPv4 behind ::ffff:0:0, whichever way it is written.
struct Network {
  bool is_v4 = false;
  std::array<std::uint8_t, 16> address{};
  std::uint32_t length = 0;  ///< of the prefix, in bits

  bool operator==(const Network&) const = default;
  /// Whether an address can be in both: one of them is within the other.
  bool meets(const Network& other) const;
};

/// "10.0.0.0/8", "fd00::/8", or an address alone. Throws std::invalid_argument.
Network read_network(const std::string& cidr);

/// The number in an IP header of "tcp", "udp" or "icmp"; 0 of an empty word.
std::uint8_t protocol_number(const std::string& word);

}  // namespace wobble::daemon
