// What time it is for the age of what is kept (--keep-age), when the system's clock may be wrong.
//
// A clock that is far ahead (its battery is empty, and nothing has set it yet) would make all that is kept too old, and
// what is deleted does not come back. So a clock is believed when it has gone on for an hour without being set. Until
// then no more time has passed than the log has seen: from the last thing in it, as long as the daemon has run.
#pragma once

#include <algorithm>
#include <chrono>

#include "daemon/journal/wall_anchor.h"

namespace wobble::daemon {

/// Pure: time is an argument. One thread at a time.
class AgeClock {
 public:
  static constexpr Duration kConfirmedAfter = std::chrono::hours(1);

  /// `newest`: the latest time in the log, when the clock is read for the first time, at `at`.
  AgeClock(TimePoint at, api::WallTime newest) : unset_since_(at), seen_at_(at), seen_(newest) {}

  /// The clock was set at `step.at`, and showed `before` until then. A sleep sets nothing.
  void stepped(const ClockStep& step, api::WallTime before) {
    seen_ = now(step.at, before) + step.slept.count();
    seen_at_ = step.at;
    if (std::chrono::abs(step.by - step.slept) > std::chrono::seconds(1)) unset_since_ = step.at;
  }

  /// When the system's clock shows `wall`.
  api::WallTime now(TimePoint at, api::WallTime wall) const {
    if (at - unset_since_ >= kConfirmedAfter) return wall;
    return std::min(wall, seen_ + (at - seen_at_).count());
  }

 private:
  TimePoint unset_since_;
  TimePoint seen_at_;
  api::WallTime seen_;
};

}  // namespace wobble::daemon
