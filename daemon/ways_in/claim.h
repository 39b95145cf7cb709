// What a way in takes of a namespace's traffic, as it stands in the ledger: so that no traffic is diverted twice, by
// whichever daemons of this machine. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/ways_in.h"

namespace wobble::daemon {

struct Claim {
  std::string link;                     ///< the name of the link that takes it
  std::string kind;                     ///< as api::kind_of()
  std::vector<std::string> interfaces;  ///< of attach; empty: all. Of a gateway: the inner one and the outer one
  std::vector<std::uint16_t> ports;     ///< of attach; empty: all. Of loopback: its one
  std::vector<std::string> addresses;   ///< of attach, as read_network() takes them; empty: all
  std::string protocol;                 ///< empty: any
};

/// Of attach, loopback or gateway.
Claim claim_of(const std::string& link, const api::WayInSettings& settings);

/// Whether a packet of one namespace can belong to both. Throws std::invalid_argument if an address is none.
bool overlap(const Claim& a, const Claim& b);

}  // namespace wobble::daemon
