// Changes that last for a while ("for": "10m"), and what comes back after each. Pure: time is an argument.
//
// What is kept is what will be in force from each coming end of a change on, until the next. A change is made in what
// is in force now and in whatever comes before its own end: so each field comes back at its own time, whatever is
// changed beside it, and a lasting change of a field that was changed for a while is in all of it, so that nothing
// comes back.
#pragma once

#include <optional>
#include <vector>

#include "api/backend.h"

namespace wobble::daemon {

class TemporaryChanges {
 public:
  static constexpr std::size_t kMost = 32;           ///< ends to come
  static constexpr std::size_t kMostSteps = 10'000;  ///< of scenarios, in all of them together

  /// In the order of time. `at` is not filled in.
  const std::vector<api::UpcomingConditions>& upcoming() const noexcept { return upcoming_; }
  /// When the next change ends; kNever without any.
  TimePoint next_due() const noexcept { return upcoming_.empty() ? kNever : upcoming_.front().due; }

  /// What is upcoming when `change` is made while `before` is in force, and ends at `end` (kNever: it stays).
  TemporaryChanges with(const api::Change& change, const LinkConditions& before, TimePoint end) const;
  /// Throws api::Conflict if this is more than may be kept.
  void check() const;

  /// What has to be in force at `now` instead of what is; none: nothing has ended.
  const LinkConditions* due(TimePoint now) const noexcept;
  /// That is in force.
  void forget(TimePoint now);

 private:
  std::vector<api::UpcomingConditions> upcoming_;
};

}  // namespace wobble::daemon
