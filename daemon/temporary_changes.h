// Changes that last for a while ("for": "10m") and what comes back after each. Pure: time is an argument.
//
// They stack. When the newest runs out, what was in force before it comes back. When an older one runs out below a
// newer, nothing changes now, but the newer will return to what the older would have returned to. A change without an
// end settles everything: nothing comes back any more.
#pragma once

#include <optional>
#include <vector>

#include "emulator/conditions.h"

namespace wobble::daemon {

class TemporaryChanges {
 public:
  /// A change until `deadline` was made while `before` was in force.
  void begin(TimePoint deadline, const LinkConditions& before) { stack_.push_back({deadline, before}); }
  /// A lasting change was made.
  void settle() { stack_.clear(); }

  /// When the next one runs out; kNever without any.
  TimePoint next_due() const;
  /// When the newest runs out, which is when the conditions in force now end.
  std::optional<TimePoint> present_ends() const;
  /// Ends what is due at `now`; the conditions to put in force again, if they change by that.
  std::optional<LinkConditions> expire(TimePoint now);

 private:
  struct Temporary {
    TimePoint deadline;
    LinkConditions before;
  };
  std::vector<Temporary> stack_;
};

}  // namespace wobble::daemon
