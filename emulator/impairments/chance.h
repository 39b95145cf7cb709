// One stage's chance: does it strike this packet? The answer hangs on the seed and the packet's place in its flow.
#pragma once

#include "emulator/connection_table.h"
#include "emulator/packet.h"
#include "emulator/random.h"

namespace wobble {

class Chance {
 public:
  Chance(std::uint64_t seed, Direction direction, Stage stage) noexcept
      : streams_(seed, static_cast<std::uint8_t>(direction), stage) {}

  std::uint64_t number_for(const FlowPosition& flow, bool is_copy = false) const noexcept {
    const std::uint64_t number = streams_.for_flow(flow.flow_key).at(flow.packet);
    return is_copy ? number_for_copy(number) : number;
  }
  bool strikes(const FlowPosition& flow, Probability p, bool is_copy = false) const noexcept {
    return !p.is_zero() && is_hit(number_for(flow, is_copy), p);
  }

 private:
  StageStreams streams_;
};

}  // namespace wobble
