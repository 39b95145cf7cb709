// Bits per second over the last whole second, in tenths.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/time.h"

namespace wobble {

class RateMeter {
 public:
  void add(std::uint64_t bytes, TimePoint now) noexcept {
    advance(now);
    slots_[place_] += bytes;
  }

  /// Of the ten whole tenths before the present one.
  double bits_per_second(TimePoint now) noexcept {
    advance(now);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kSlots; ++i) {
      if (i != place_) sum += slots_[i];
    }
    return static_cast<double>(sum) * 8.0;
  }

 private:
  static constexpr std::size_t kSlots = 11;
  static constexpr Duration kSlot = std::chrono::milliseconds(100);

  void advance(TimePoint now) noexcept {
    if (now < ends_at_) return;
    const auto slot = static_cast<std::uint64_t>(now.time_since_epoch() / kSlot);
    const std::uint64_t steps = slot - slot_ < kSlots ? slot - slot_ : kSlots;
    for (std::uint64_t i = 1; i <= steps; ++i) slots_[(slot_ + i) % kSlots] = 0;
    if (steps == kSlots) slots_.fill(0);
    slot_ = slot;
    place_ = slot % kSlots;
    ends_at_ = TimePoint((slot + 1) * kSlot);
  }

  std::array<std::uint64_t, kSlots> slots_{};
  std::uint64_t slot_ = 0;
  std::size_t place_ = 0;                    ///< of the present one
  TimePoint ends_at_ = TimePoint() + kSlot;  ///< the present one
};

}  // namespace wobble
