// A medium that is shared: packets wait for a slot on it, and leave together.
#pragma once

#include "emulator/chance/random.h"
#include "emulator/conditions/conditions.h"
#include "emulator/packet/packet.h"

namespace wobble {

/// Its slots belong to the link: the n-th one's wait hangs on the seed and on n alone.
class Slot {
 public:
  Slot(std::uint64_t seed, Direction direction) noexcept
      : waits_(stream_for(seed, static_cast<std::uint8_t>(direction), Stage::slot, 0)) {}

  void configure(SlotSettings settings) noexcept;

  /// When a packet of `length` bytes leaves that is ready at `ready`, which never decreases.
  TimePoint opening_for(std::uint32_t length, TimePoint ready) noexcept;
  void forget() noexcept { opens_at_ = TimePoint::min(); }

 private:
  bool has_room(std::uint32_t length) const noexcept;
  Duration wait() noexcept;

  SlotSettings settings_;
  RandomStream waits_;
  std::uint64_t opened_ = 0;  ///< how many waits were drawn
  TimePoint opens_at_ = TimePoint::min();
  std::uint32_t packets_ = 0;  ///< that it will take
  std::uint64_t bytes_ = 0;
};

}  // namespace wobble
