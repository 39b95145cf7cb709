// The time of this session's log: what the wall's clock shows, what "so long ago" means, and how old what is kept is;
// also when the system's clock is set or the machine sleeps.
//
// Thread: any.
#pragma once

#include <vector>

#include "daemon/journal/age_clock.h"
#include "daemon/journal/connection_search.h"
#include "daemon/journal/wall_anchor.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

class SessionClock {
 public:
  explicit SessionClock(WallAnchor::Clocks clocks);

  WallAnchor& anchor() noexcept { return anchor_; }
  api::WallTime now() const noexcept;
  api::WallTime at(TimePoint moment) const noexcept { return anchor_.at(moment); }
  /// By the steady clock, and by the wall's clock of then.
  LogMoment moment_ago(Duration ago) const;
  /// See age_clock.h.
  api::WallTime now_for_ages() const;

  /// `newest`: the latest time in the log, of a session before. Before the first step.
  void begin_ages(api::WallTime newest);
  /// After the anchor has taken the step over. `next`: the first connection that opens behind it.
  void stepped(const ClockStep& step, ConnectionId next);

 private:
  /// Since the clock was set.
  struct Epoch {
    TimePoint from;
    ConnectionId first = 0;
  };

  WallAnchor anchor_;
  mutable Mutex mutex_;
  AgeClock age_ WOBBLE_GUARDED_BY(mutex_);               ///< of a log in which nothing is, until begin_ages()
  std::vector<Epoch> epochs_ WOBBLE_GUARDED_BY(mutex_);  ///< oldest first
};

}  // namespace wobble::daemon
