// Which packets are damaged, and the damage.
#pragma once

#include "emulator/impairments/correlated_chance.h"

namespace wobble {

class Corrupt {
 public:
  Corrupt(std::uint64_t seed, Direction direction) noexcept
      : chance_(seed, direction, Stage::corrupt), bits_(seed, direction, Stage::corrupt_bits) {}

  /// As Memory's: to be called before configure().
  void reserve(const CorruptSettings& s, std::uint32_t connections) {
    chance_.reserve(s.correlation, s.per, connections);
  }
  void configure(const CorruptSettings& s) noexcept { chance_.configure(s.probability, s.correlation, s.per); }
  bool strikes(const FlowPosition& flow) noexcept { return chance_.strikes(flow); }
  /// Which bits: for corrupt_packet().
  std::uint64_t draw_for(const FlowPosition& flow) const noexcept { return bits_.number_for(flow); }

 private:
  CorrelatedChance chance_;
  Chance bits_;
};

}  // namespace wobble
