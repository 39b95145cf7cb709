#include "daemon/temporary_changes.h"

#include <algorithm>

namespace wobble::daemon {

TimePoint TemporaryChanges::next_due() const {
  TimePoint due = kNever;
  for (const Temporary& t : stack_) due = std::min(due, t.deadline);
  return due;
}

std::optional<TimePoint> TemporaryChanges::present_ends() const {
  if (stack_.empty()) return std::nullopt;
  return stack_.back().deadline;
}

std::optional<LinkConditions> TemporaryChanges::expire(TimePoint now) {
  std::optional<LinkConditions> back;
  for (std::size_t i = stack_.size(); i-- > 0;) {
    if (stack_[i].deadline > now) continue;
    const bool is_in_force = i + 1 == stack_.size();
    if (is_in_force) {
      back = stack_[i].before;
    } else {
      stack_[i + 1].before = stack_[i].before;
    }
    stack_.erase(stack_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return back;
}

}  // namespace wobble::daemon
