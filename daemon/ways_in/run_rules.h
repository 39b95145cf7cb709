// The nftables rules of one `run`, as text: outside they translate what leaves the link, inside they lead
// what the command asks of its own loopback into the link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/ways_in/run_names.h"

namespace wobble::daemon {

struct RunRules {
  RunNames names;
  bool has_v6 = false;              ///< there is a way out for IPv6
  std::vector<std::uint16_t> with;  ///< ports of this machine's loopback that are reached through the link
  bool with_v6 = false;             ///< at ::1 too, whatever the way out is
  struct NamePorts {
    std::uint16_t udp = 0;
    std::uint16_t tcp = 0;
  };
  std::optional<NamePorts> name_relay;
  std::string name_server;  ///< IPv4: whom a resolver reaches that asks loopback; empty: nobody

  /// What stands in names.table(), in this machine's own namespace.
  std::string outside() const;
  /// For `ip -6 -batch`: lets `device` lead what was translated to ::1 on to loopback; empty if nothing has to be led.
  /// It goes with the device.
  std::vector<std::string> v6_loopback_routes(const std::string& device) const;
  /// For `nft -f` in the command's namespace; empty if nothing has to be led.
  std::string inside() const;
};

}  // namespace wobble::daemon
