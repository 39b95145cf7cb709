#include "daemon/service/temporary_changes.h"

#include <string>
#include <vector>

namespace wobble::daemon {

TemporaryChanges TemporaryChanges::with(const api::Change& change, const LinkConditions& before, TimePoint end) const {
  std::vector<api::UpcomingConditions> all;
  const LinkConditions* without = &before;  // in force at that time, were it not for the change
  bool has_ended = false;
  for (std::size_t i = 0; i < upcoming_.size(); ++i) {
    const api::UpcomingConditions& next = upcoming_[i];
    if (!has_ended && next.due >= end) {
      has_ended = true;
      if (next.due > end) all.push_back({end, 0, *without});
    }
    const LinkConditions& changed = change.upcoming.empty() ? change.conditions : change.upcoming.at(i);
    all.push_back({next.due, 0, has_ended ? next.conditions : changed});
    without = &next.conditions;
  }
  if (!has_ended && end != kNever) all.push_back({end, 0, *without});

  TemporaryChanges out;
  for (api::UpcomingConditions& next : all) {
    const bool is_first = out.upcoming_.empty();
    if (next.conditions == (is_first ? change.conditions : out.upcoming_.back().conditions)) continue;
    out.upcoming_.push_back(std::move(next));
  }
  return out;
}

void TemporaryChanges::check() const {
  std::size_t steps = 0;
  for (const api::UpcomingConditions& next : upcoming_) steps += next.conditions.scenario.size();
  if (upcoming_.size() <= kMost && steps <= kMostSteps) return;
  throw api::Conflict("there are too many changes for a while under way: at most " + std::to_string(kMost) +
                      " ends may be to come, with scenarios of " + std::to_string(kMostSteps) +
                      " steps in all; end them first (DELETE /api/v1/links/{link}/temporary)");
}

const LinkConditions* TemporaryChanges::due(TimePoint now) const noexcept {
  const LinkConditions* last = nullptr;
  for (const api::UpcomingConditions& next : upcoming_) {
    if (next.due <= now) last = &next.conditions;
  }
  return last;
}

void TemporaryChanges::forget(TimePoint now) {
  std::erase_if(upcoming_, [&](const api::UpcomingConditions& next) { return next.due <= now; });
}

}  // namespace wobble::daemon
