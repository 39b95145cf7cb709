// A capture's times as those of a machine that was switched on an hour before: the table expects a steady clock's. The
// capture's own clock may have been set while it ran.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "api/backend.h"

namespace wobble::daemon {

class CaptureClock {
 public:
  static constexpr Duration kBefore = std::chrono::hours(1);
  static constexpr Duration kLongest = std::chrono::hours(24 * 365 * 30);  ///< later is taken for this

  CaptureClock() = default;
  /// `first`: the time at which the capture begins.
  constexpr explicit CaptureClock(api::WallTime first) : first_(first) {}

  /// Of a steady time: the capture's, and what its clock has been set back until then.
  TimePoint moment(api::WallTime steady) const {
    const auto count = std::clamp<__int128>(__int128{steady} - first_, -kBefore.count() + 1, kLongest.count());
    return TimePoint(kBefore + Duration(static_cast<Duration::rep>(count)));
  }
  /// By the clock that was in force at that moment.
  api::WallTime wall_time(TimePoint moment) const {
    const auto step = std::find_if(steps_.rbegin(), steps_.rend(), [&](const Step& s) { return s.from <= moment; });
    const std::int64_t behind = step == steps_.rend() ? 0 : step->behind;
    const __int128 at = __int128{first_} + (moment.time_since_epoch() - kBefore).count() - behind;
    using Limits = std::numeric_limits<api::WallTime>;
    return static_cast<api::WallTime>(std::clamp<__int128>(at, Limits::min(), Limits::max()));
  }
  /// From `from` on, which is not before the latest step, the clock shows `behind` nanoseconds less than at the
  /// capture's begin.
  void set_behind(TimePoint from, std::int64_t behind) {
    if (this->behind() == behind) return;
    if (steps_.size() >= kMostSteps) steps_.erase(steps_.begin());
    steps_.push_back({from, behind});
  }
  std::int64_t behind() const { return steps_.empty() ? 0 : steps_.back().behind; }

 private:
  static constexpr std::size_t kMostSteps = 1024;
  struct Step {
    TimePoint from;
    std::int64_t behind;
  };
  api::WallTime first_ = 0;
  std::vector<Step> steps_;
};

}  // namespace wobble::daemon
