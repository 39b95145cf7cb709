// Which packets are moved back, and how far.
#pragma once

#include "emulator/impairments/chance.h"

namespace wobble {

class Reorder {
 public:
  Reorder(std::uint64_t seed, Direction direction) noexcept : chance_(seed, direction, Stage::reorder) {}

  void configure(const ReorderSettings& settings) noexcept { settings_ = settings; }
  bool strikes(const FlowPosition& flow) const noexcept { return chance_.strikes(flow, settings_.probability); }
  std::uint32_t by_packets() const noexcept { return settings_.by_packets; }
  Duration by_time() const noexcept { return settings_.by_time; }

 private:
  ReorderSettings settings_;
  Chance chance_;
};

}  // namespace wobble
