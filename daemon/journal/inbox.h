// What was posted and is not in a batch yet, and the numbers of all that is written.
//
// Numbers. Events and transitions draw from one sequence, which grows for the life of the file. A number is given out
// either when an event is posted or when a batch is put together, both under one lock, and a batch takes every posted
// event there is: so numbers become visible in their order, and "everything above N" misses nothing.
//
// It is bounded, and posting never waits for the file: what has no room is counted, and told as events_lost with the
// next batch.
//
// Thread: any, but for what is said otherwise.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/batch.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

class SessionClock;

class Inbox {
 public:
  /// `known`: links that stand in the file. Numbers above `last_event_id` are given. `clock` outlives this.
  Inbox(const SessionClock& clock, const std::vector<NewLink>& known, std::uint64_t last_event_id);
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Gives the event its time, its number and that of `link` (empty: none). Returns it as a row; its id is 0 if there
  /// was no room, or after close().
  api::EventRow post(PostedEvent&& event, const std::string& link);
  /// `detail`: a JSON object as text, or empty.
  api::EventRow record(const std::string& kind, const std::string& text, const std::string& detail,
                       const std::string& link = "", ConnectionId connection = 0);
  /// Writes down once more which conditions are in force on these, by the clock of now: a connection's are found by
  /// the time at which it was opened.
  void post_again_what_is_in_force(const std::vector<LinkNumber>& links);
  /// From now on nothing can be posted. False if that was so already.
  bool close();

  /// The number of a link, which is given where it has none yet; 0: no link.
  LinkNumber number_of(const std::string& link);
  /// Every link that has a number, as for a new file.
  std::vector<NewLink> links() const;
  /// The highest number that was given.
  std::uint64_t last_event_id() const;

  /// Waits until an event with a number above `since` is committed, at most `at_most`. Returns the newest number.
  std::uint64_t wait_for_event(std::uint64_t since, Duration at_most);
  std::uint64_t newest_event() const;

  /// What the journal itself has lost.
  void add_to(api::JournalStats& stats) const;

  // The journal's thread.
  /// Moves all that was posted into `batch`, which has none, and gives numbers to its `drained` events. True if
  /// conditions were lost: what is in force is to be posted again.
  bool move_into(Batch& batch, std::uint64_t drained);
  /// They came out of a ring, and will not be written.
  void count_lost(const std::vector<LinkEvent>& events);
  /// The same of a whole batch, which is empty afterwards.
  void give_up(Batch& batch);
  /// Everything up to this number can be read; 0: nothing new.
  void committed(std::uint64_t last_id);
  /// Nothing will be committed any more.
  void end();

 private:
  LinkNumber link_number(const std::string& name) WOBBLE_REQUIRES(mutex_);
  bool has_room_for(const PostedEvent& event) const WOBBLE_REQUIRES(mutex_);
  void take(PostedEvent&& event) WOBBLE_REQUIRES(mutex_);
  void count_loss(std::uint64_t transitions, std::uint64_t segments) WOBBLE_REQUIRES(mutex_);
  void count_loss_of(const LinkEvent& event) WOBBLE_REQUIRES(mutex_);

  const SessionClock& clock_;
  mutable Mutex mutex_;  ///< held for moments only, never while the file is touched
  std::condition_variable committed_;
  std::map<std::string, LinkNumber> links_ WOBBLE_GUARDED_BY(mutex_);
  std::vector<NewLink> new_links_ WOBBLE_GUARDED_BY(mutex_);  ///< not in a batch yet
  std::vector<PostedEvent> posted_ WOBBLE_GUARDED_BY(mutex_);
  std::size_t posted_bytes_ WOBBLE_GUARDED_BY(mutex_) = 0;
  std::map<LinkNumber, PostedEvent::Conditions> in_force_ WOBBLE_GUARDED_BY(mutex_);
  bool has_lost_conditions_ WOBBLE_GUARDED_BY(mutex_) =
      false;  ///< what is in force is written down again behind the gap
  std::uint64_t next_id_ WOBBLE_GUARDED_BY(mutex_);
  std::uint64_t newest_event_ WOBBLE_GUARDED_BY(mutex_) = 0;  ///< committed
  std::uint64_t lost_transitions_ WOBBLE_GUARDED_BY(mutex_) = 0;
  std::uint64_t lost_segments_ WOBBLE_GUARDED_BY(mutex_) = 0;
  EventsLost untold_ WOBBLE_GUARDED_BY(mutex_);  ///< lost by the journal itself, not by a ring
  bool closed_ WOBBLE_GUARDED_BY(mutex_) = false;
  bool ended_ WOBBLE_GUARDED_BY(mutex_) = false;
};

}  // namespace wobble::daemon
