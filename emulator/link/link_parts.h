// What a link consists of: admission.h, conditions_in_force.h and stayed_traffic.h do their work on it. One thread.
#pragma once

#include <cstdint>
#include <memory>

#include "emulator/connections/connection_table.h"
#include "emulator/impairments/idle_timeout.h"
#include "emulator/link/exhaustion_notice.h"
#include "emulator/link/link_half.h"
#include "emulator/link/link_options.h"
#include "emulator/packet/packet_buffer.h"

namespace wobble {

struct LinkParts {
  LinkParts(const LinkOptions& options, ConnectionObserver& observer)
      : pool(options.memory ? options.memory : std::make_shared<MemoryBudget>(options.memory_limit)),
        connections(options.connections, observer),
        idle_timeout({options.connections.hash_key[0], options.connections.hash_key[1]}),
        exhausted(observer),
        up(Direction::up, options.seed, options.connections.capacity, connections, taps),
        down(Direction::down, options.seed, options.connections.capacity, connections, taps) {}

  LinkHalf& half(Direction d) noexcept { return d == Direction::up ? up : down; }
  const LinkHalf& half(Direction d) const noexcept { return d == Direction::up ? up : down; }

  BufferPool pool;  // before the halves, which hold its buffers
  ConnectionTable connections;
  IdleTimeout idle_timeout;
  ExhaustionNotice exhausted;
  LinkHalf::Taps taps;
  std::uint64_t next_number = 0;  ///< of the wire packet that arrives, or is originated, next
  LinkHalf up;
  LinkHalf down;
};

}  // namespace wobble
