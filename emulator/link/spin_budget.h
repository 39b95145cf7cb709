// When to wake up for a deadline: a little before it, to spin until it has come, for a sleeper wakes some 50 µs late;
// or just at it, once spinning has had its share of the core.
//
// The share is counted in slots of a twentieth of the window, the one under way included and the oldest whole, so in
// no stretch of kWindow is more than kShare of it spent. Time is an argument. One thread.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/time.h"

namespace wobble {

class SpinBudget {
 public:
  static constexpr Duration kWindow = std::chrono::seconds(1);
  static constexpr Duration kShare = kWindow / 20;  ///< 5 % of a core
  static constexpr Duration kLongestLead = std::chrono::milliseconds(1);

  /// `lead`: how long before a deadline spinning begins, 0 (never) to kLongestLead.
  explicit SpinBudget(Duration lead) noexcept : lead_(lead) {}

  /// How long before the next deadline to wake up: the lead, or 0 if that much spinning might pass the share.
  Duration lead(TimePoint now) noexcept;
  /// The time from `began` to `ended` went by in spinning. Neither is before an earlier call's.
  void spent(TimePoint began, TimePoint ended) noexcept;

 private:
  static constexpr std::int64_t kSlots = 21;  // twenty whole ones and the one under way
  static constexpr Duration kSlot = kWindow / (kSlots - 1);

  void forget_before(TimePoint now) noexcept;

  Duration lead_;
  std::array<Duration, kSlots> slots_{};
  Duration total_{0};      ///< of slots_
  std::int64_t slot_ = 0;  ///< number of the slot under way, from the clock's epoch
};

}  // namespace wobble
