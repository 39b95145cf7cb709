// One stage's chance: does it strike this packet? The answer hangs on the seed and the packet's place in its flow.
#pragma once

#include "emulator/chance/random.h"
#include "emulator/connections/connection_table.h"
#include "emulator/packet/packet.h"

namespace wobble {

class Chance {
 public:
  Chance(std::uint64_t seed, Direction direction, Stage stage) noexcept
      : streams_(seed, static_cast<std::uint8_t>(direction), stage), stream_(streams_.for_flow(0)) {}

  std::uint64_t number_for(const FlowPosition& flow, bool is_copy = false) const noexcept {
    if (flow.flow_key != flow_key_) {
      flow_key_ = flow.flow_key;
      stream_ = streams_.for_flow(flow_key_);
    }
    const std::uint64_t number = stream_.at(flow.packet);
    return is_copy ? number_for_copy(number) : number;
  }
  bool strikes(const FlowPosition& flow, Probability p, bool is_copy = false) const noexcept {
    return !p.is_zero() && is_hit(number_for(flow, is_copy), p);
  }

 private:
  StageStreams streams_;
  // Of the flow asked for last: packets come in trains.
  mutable std::uint64_t flow_key_ = 0;
  mutable RandomStream stream_;
};

}  // namespace wobble
