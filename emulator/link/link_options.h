// What a link is made with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "emulator/connections/connection_table.h"
#include "emulator/memory_budget.h"
#include "emulator/packet/address.h"

namespace wobble {

struct LinkOptions {
  std::uint64_t seed = 1;
  ConnectionTableOptions connections;
  std::size_t memory_limit = std::size_t{256} << 20;  ///< bytes in flight
  std::shared_ptr<MemoryBudget> memory;               ///< shared with other links, in place of memory_limit
  /// Where the link's own ICMP errors come from. Without one they come from where the packet was going, as a host would
  /// send them: an address that its sender's routes are sure to accept.
  std::optional<IpAddress> hop_v4{};
  std::optional<IpAddress> hop_v6{};
};

}  // namespace wobble
