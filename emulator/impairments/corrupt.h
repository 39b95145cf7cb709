// Which packets are damaged, and the damage.
#pragma once

#include "emulator/impairments/chance.h"

namespace wobble {

class Corrupt {
 public:
  Corrupt(std::uint64_t seed, Direction direction) noexcept
      : chance_(seed, direction, Stage::corrupt), bits_(seed, direction, Stage::corrupt_bits) {}

  void configure(const CorruptSettings& settings) noexcept { settings_ = settings; }
  bool strikes(const FlowPosition& flow) const noexcept { return chance_.strikes(flow, settings_.probability); }
  /// Which bits: for corrupt_packet().
  std::uint64_t draw_for(const FlowPosition& flow) const noexcept { return bits_.number_for(flow); }

 private:
  CorruptSettings settings_;
  Chance chance_;
  Chance bits_;
};

}  // namespace wobble
