// The black hole: when the direction is down.
#pragma once

#include <cstdint>

#include "emulator/conditions/conditions.h"

namespace wobble {

/// Whether it is down is a pure function of the settings, of when they were applied, and of `now`; advance() only
/// keeps track of which outages have been told.
class Outage {
 public:
  /// A cycle starts with `up_for` at `now`; one that goes on unchanged keeps its phase.
  void configure(const OutageSettings& settings, TimePoint now) noexcept;

  bool is_down(TimePoint now) const noexcept;
  /// The first moment after the last advance() at which the state may change.
  TimePoint next_change() const noexcept { return next_change_; }
  /// True if an outage that drops what is in flight has begun since the last call.
  bool advance(TimePoint now) noexcept;

 private:
  bool has_cycle() const noexcept { return settings_.down_for > Duration(0); }
  std::int64_t begun_by(TimePoint now) const noexcept;
  TimePoint change_after(TimePoint now) const noexcept;

  OutageSettings settings_;
  TimePoint cycle_start_;
  std::int64_t begun_told_ = 0;  ///< outages of this cycle that advance() has seen
  bool is_begin_untold_ = false;
  TimePoint next_change_ = kNever;
};

}  // namespace wobble
