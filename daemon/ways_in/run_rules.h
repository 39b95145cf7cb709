// The nftables rules of one `run`, as text for nft(8): outside they translate what leaves the link, inside they lead
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
  bool has_v6 = false;
  std::vector<std::uint16_t> with;  ///< ports of this machine's loopback that are reached through the link
  struct NamePorts {
    std::uint16_t udp = 0;
    std::uint16_t tcp = 0;
  };
  std::optional<NamePorts> name_relay;
  std::string name_server;  ///< IPv4: whom a resolver reaches that asks loopback; empty: nobody

  /// In this machine's own namespace. Ours is in place of one that stands there, in one step.
  std::string outside() const;
  /// In the command's namespace; empty if nothing has to be led.
  std::string inside() const;
};

}  // namespace wobble::daemon
