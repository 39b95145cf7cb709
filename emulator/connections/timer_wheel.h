// One deadline for each record of a table, on a hashed wheel: 1,024 slots of 67 ms. The wheel remembers no deadline,
// only when to ask for it: one that moves later, which is what nearly every packet does, need not be told. The record
// stays where it is until its slot comes round, its deadline is asked for and seen not to have come, and it moves on.
// So does a deadline beyond the wheel's 69 s. Exact nevertheless: a deadline is never reported early, and next_due() is
// not later than the earliest of them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "emulator/lazy_array.h"
#include "emulator/time.h"

namespace wobble {

class TimerWheel {
 public:
  static constexpr std::uint32_t kMostRecords = (1u << 26) - 1;

  /// For records 1 to `capacity`, which is at most kMostRecords.
  explicit TimerWheel(std::uint32_t capacity);

  /// Must be called when a record gets a deadline, and when it moves earlier.
  void set(std::uint32_t index, TimePoint deadline, TimePoint now) noexcept;
  void cancel(std::uint32_t index) noexcept;

  /// The next record whose deadline has come, which then has none; 0 if there is none or `budget` is used up (each
  /// record looked at takes one from it). `deadline_of(index)` is asked for what it is by now.
  template <typename DeadlineOf>
  std::uint32_t pop_due(TimePoint now, std::uint32_t& budget, const DeadlineOf& deadline_of) noexcept {
    now_ = std::max(now_, now);
    collect();
    while (heads_[kPending] != 0 && budget > 0) {
      --budget;
      const std::uint32_t index = heads_[kPending];
      unlink(index);
      const TimePoint deadline = deadline_of(index);
      if (deadline <= now_) return index;
      link(index, deadline);
    }
    return 0;
  }
  /// When pop_due() has something to do; kNever if no deadline is set. May be early, as the above explains.
  TimePoint next_due() const noexcept;

 private:
  static constexpr std::uint32_t kSlots = 1024;
  static constexpr std::uint32_t kPending = kSlots;  ///< the list of those taken out of their slot, to be looked at
  static constexpr int kTickShift = 26;

  struct Node {
    std::uint64_t previous : 26;  ///< the lists are rings, so that two are joined at once
    std::uint64_t next : 26;
    std::uint64_t slot : 10;
    std::uint64_t linked : 1;
  };
  static_assert(sizeof(Node) == 8 && kSlots == 1 << 10);

 public:
  static constexpr std::size_t kBytesPerRecord = sizeof(Node);

 private:
  static std::int64_t tick_of(TimePoint t) noexcept { return t.time_since_epoch().count() >> kTickShift; }
  void link(std::uint32_t index, TimePoint deadline) noexcept;
  /// Makes them neighbours in a list.
  void join(std::uint32_t before, std::uint32_t behind) noexcept;
  /// When the slot comes round for the next time.
  std::int64_t tick_of_slot(std::uint32_t slot) const noexcept {
    return current_ + ((static_cast<std::int64_t>(slot) - current_) & (kSlots - 1));
  }
  void unlink(std::uint32_t index) noexcept;
  /// Moves what is in the slots that came round to the pending list.
  void collect() noexcept;
  void collect_slot(std::uint32_t slot) noexcept;
  /// The first slot from `slot` on, round the wheel, that is not empty; kSlots if all are.
  std::uint32_t first_used(std::uint32_t slot) const noexcept;

  LazyArray<Node> nodes_;
  std::array<std::uint32_t, kSlots + 1> heads_{};
  std::array<TimePoint, kSlots> earliest_{};  ///< when there is something to be asked for in the slot
  std::array<std::uint64_t, kSlots / 64> used_{};
  std::int64_t current_ = 0;  ///< no slot before this tick has anything
  std::uint32_t linked_ = 0;
  TimePoint now_{};
};

}  // namespace wobble
