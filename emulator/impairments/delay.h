// How long a packet is on its way, and the order that is kept meanwhile.
#pragma once

#include "emulator/impairments/chance.h"

namespace wobble {

/// Keeps the floor: the latest departure so far of a packet that others may not overtake. It outlives every change of
/// settings, so that a shorter delay does not let packets overtake those still on their way; nothing but `reorder` in
/// the settings lets a packet leave before it.
class Delay {
 public:
  Delay(std::uint64_t seed, Direction direction) noexcept : chance_(seed, direction, Stage::delay) {}

  void configure(const DelaySettings& settings) noexcept { settings_ = settings; }

  /// When a packet leaves that came out of the bottleneck at `from`. Copies draw their own jitter.
  TimePoint departure(TimePoint from, const FlowPosition& flow, bool is_copy) const noexcept;
  /// Those that come later do not leave before `departure`.
  void keep_behind(TimePoint departure) noexcept {
    if (departure > floor_) floor_ = departure;
  }
  void forget_order() noexcept { floor_ = TimePoint::min(); }

 private:
  DelaySettings settings_;
  Chance chance_;
  TimePoint floor_ = TimePoint::min();
};

}  // namespace wobble
