// The rings that are drained, the passes in which the journal's thread does it, and who waits for the end of one.
//
// Passes are counted. Whoever wants one takes the next number, and has what he wants when that is done: everything that
// was there before he asked was in that pass.
//
// Thread: any, but for what is said otherwise.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/batch.h"
#include "emulator/connections/event_ring.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

/// A link's ring.
struct RingSource {
  LinkNumber link = 0;
  EventRing* ring = nullptr;
  std::uint64_t leaves_with = 0;  ///< the pass that drains it for the last time; 0: it stays
};

struct Pass {
  std::uint64_t number = 0;  ///< the highest that was asked for
  bool is_last = false;
  std::vector<RingSource> sources;
  std::vector<ConnectionId> ended_unknown;  ///< what end_unknown() said since the pass before
};

class Passes {
 public:
  Passes() = default;
  Passes(const Passes&) = delete;
  Passes& operator=(const Passes&) = delete;

  /// `ring` must live until remove() has returned, or the last pass is done.
  void add(LinkNumber link, EventRing& ring);
  /// Waits until it was drained a last time.
  void remove(EventRing& ring);
  /// Links whose rings are drained.
  std::vector<LinkNumber> links() const;

  /// Waits for a pass that begins after this call. True if all was written; false if the time is up or it failed.
  bool sync(Duration at_most);
  /// The connections have ended, with all that was told of them before this call.
  void end_unknown(const std::vector<ConnectionId>& ids);
  /// The next pass begins at once, and is the last.
  void stop();

  /// What the rings have lost, those that were removed included.
  void add_to(api::JournalStats& stats) const;

  // The journal's thread.
  /// The next one begins at `at` the latest.
  Pass wait(TimePoint at);
  /// Whether somebody waits for the next one.
  bool is_wanted() const;
  void done(const Pass& pass, bool ok);

 private:
  mutable Mutex mutex_;  ///< held for moments only
  std::condition_variable wanted_;
  std::condition_variable passed_;
  std::vector<RingSource> sources_ WOBBLE_GUARDED_BY(mutex_);
  std::vector<ConnectionId> ended_unknown_ WOBBLE_GUARDED_BY(mutex_);
  std::uint64_t wanted_pass_ WOBBLE_GUARDED_BY(mutex_) = 0;
  std::uint64_t done_pass_ WOBBLE_GUARDED_BY(mutex_) = 0;
  bool was_ok_ WOBBLE_GUARDED_BY(mutex_) = true;  ///< the pass before
  bool stopping_ WOBBLE_GUARDED_BY(mutex_) = false;
  bool stopped_ WOBBLE_GUARDED_BY(mutex_) = false;
  std::uint64_t gone_transitions_ WOBBLE_GUARDED_BY(mutex_) = 0;  ///< lost by rings that were removed
  std::uint64_t gone_segments_ WOBBLE_GUARDED_BY(mutex_) = 0;
};

}  // namespace wobble::daemon
