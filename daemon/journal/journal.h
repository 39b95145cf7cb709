// The log of everything that happened, in one SQLite file.
//
// What comes in: from each link's thread through its EventRing; from anybody else through record_*() and annotate().
// The journal's own thread wakes every 50 ms (at once for sync()), drains the rings and writes what it found in
// transactions that take some 30 ms each. What waits in the rings is bounded by the time it takes to write it (pace.h):
// so a killed daemon loses at most what came in the last quarter of a second, and never the file (WAL). A log that gets
// more than the disk takes has gaps instead, counted and told where they are.
//
// Numbers. Events and transitions draw from one sequence, which grows for the life of the file. A number is given out
// either when an event is posted or when a batch is put together, both under one lock, and a batch takes every posted
// event there is: so numbers become visible in their order, and "everything above N" misses nothing.
//
// When the file cannot be written (disk full): the batch at hand is kept and tried again; meanwhile the rings are not
// drained. They are the bounded backlog, and refuse, count and tell what no longer fits (event_ring.h). health() says
// so; nobody waits. When writing works again, events_lost stands where the gap is. A batch that is wrong in itself (a
// defect of ours) is given up, counted and told in the same way.
//
// A connection that was open when the log ended (the daemon stopped or was killed) gets closed_at = the time of the
// last write, and keeps the end "open".
//
// When something happens to the file (it is removed, moved, cut off, ...), that is seen within some seconds: then a new
// one is begun at the same path, with what is in force and the connections that live (log_file.h). health() says so for
// ten seconds at least, and an event log_renewed what is lost.
//
// When the system's clock is set, or the machine sleeps, clock_stepped is recorded: what comes behind it bears the new
// time (wall_anchor.h).
//
// Thread: every function may be called from any thread. Reading throws api::Unavailable if the file cannot be read, or
// the answer is not found in time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/age_clock.h"
#include "daemon/journal/batch.h"
#include "daemon/journal/clock_watch.h"
#include "daemon/journal/database.h"
#include "daemon/journal/journal_reader.h"
#include "daemon/journal/journal_writer.h"
#include "daemon/journal/log_file.h"
#include "daemon/journal/pace.h"
#include "daemon/journal/retention.h"
#include "daemon/journal/wall_anchor.h"
#include "emulator/connections/event_ring.h"

namespace wobble::daemon {

struct JournalOptions {
  std::string file = {};
  WallAnchor::Clocks clocks = read_clocks;
  std::string version = WOBBLE_VERSION;  ///< of the daemon, for the table of sessions
  RetentionLimits retention = {};
  Duration interval = std::chrono::milliseconds(50);         ///< between two looks at the rings; at most 100 ms
  Duration retry_interval = std::chrono::milliseconds(250);  ///< after a failed write
  std::size_t batch_events = 8192;                           ///< per transaction at most
  std::size_t readers = 4;                                   ///< questions that are answered at once
  Duration question_limit = std::chrono::seconds(5);         ///< for each; 0: none
  Duration file_interval = std::chrono::seconds(1);          ///< between two looks at what has become of the file
  std::int64_t wal_bytes = 256'000'000;                      ///< a write-ahead log beyond that is told of
};

/// What record_change() writes down.
struct ConditionChange {
  std::string link;
  std::uint64_t revision = 0;
  std::string source;      ///< "api PATCH"
  std::string conditions;  ///< a JSON object, as the API shows it: {"up":{},"down":{}}
};

class Journal {
 public:
  /// Opens or makes the file, brings it to this version's schema, begins a session, and records daemon_started (with
  /// what is known of a session before it that was killed). Throws std::runtime_error with one line.
  explicit Journal(const JournalOptions& options);
  /// Stops, if stop() was not called.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// Writes what is in the rings (the links' threads must have ended), records daemon_stopped, ends the session.
  /// Reading still works afterwards; recording does nothing.
  void stop();

  /// `ring` is drained from now on; it must live until remove_link() or stop() has returned.
  void add_link(const std::string& name, EventRing& ring);
  /// Writes down what a new link begins with (JSON), as its first change of conditions.
  void record_link(const std::string& link, const std::string& conditions);
  /// Drains it a last time. The link's thread must have ended.
  void remove_link(EventRing& ring);

  /// Writes what is in the rings and what was posted before this call. True when that is committed; false if the time
  /// is up, or at once if the file cannot be written.
  bool sync(Duration at_most);

  // Posting never waits for the file. Returns the event with its number; it is committed soon after.
  api::EventRow record_change(const ConditionChange& change);
  api::EventRow annotate(const std::string& text, const std::optional<std::string>& link);
  /// `detail`: a JSON object as text, or empty. `link`: empty for none.
  api::EventRow record_event(const std::string& kind, const std::string& text, const std::string& detail,
                             const std::string& link = "", ConnectionId connection = 0);

  /// Waits until an event with a number above `since` is committed, at most `at_most`. Returns the newest number.
  std::uint64_t wait_for_event(std::uint64_t since, Duration at_most);
  std::uint64_t newest_event() const;

  /// Ends the questions under way at once, and refuses new ones: the daemon is to end.
  void end_questions();

  /// A query's "ago" is by the steady clock.
  api::Page<api::ConnectionRow> connections(const api::ConnectionQuery& query) {
    return read([&] { return reader_->connections(query); });
  }
  std::optional<api::ConnectionRow> connection(ConnectionId id) {
    return read([&] { return reader_->connection(id); });
  }
  std::vector<api::TransitionRow> transitions(ConnectionId id) {
    return read([&] { return reader_->transitions(id); });
  }
  std::vector<api::SegmentRow> segments(ConnectionId id) {
    return read([&] { return reader_->segments(id); });
  }
  std::vector<api::ConditionsRow> conditions(ConnectionId id) {
    return read([&] { return reader_->conditions(id); });
  }
  std::vector<api::EventRow> events(const api::EventQuery& query) {
    return read([&] { return reader_->events(query); });
  }

  /// Connections that have not ended as far as the log knows, the oldest first.
  std::vector<LivingRow> living() {
    return read([&] { return reader_->living(); });
  }
  /// They are known to have ended before this call: where the log does not know it yet, after all that came before was
  /// written, their end is "unknown". An event says how many.
  void end_unknown(const std::vector<ConnectionId>& ids);

  /// Above every connection of the sessions before: ConnectionTableOptions::first_id.
  ConnectionId first_connection_id() const noexcept { return first_connection_id_; }
  /// From there on all links draw their connections' numbers: ConnectionTableOptions::ids.
  const std::shared_ptr<std::atomic<ConnectionId>>& connection_ids() const noexcept { return connection_ids_; }
  /// What is known of the session before this one, if it was killed.
  const std::optional<KilledSession>& killed_before() const noexcept { return killed_before_; }
  api::WallTime wall_clock(TimePoint at) const noexcept { return anchor_.at(at); }
  const std::string& file() const noexcept { return options_.file; }

  api::Health health() const;  ///< answers at once, whatever the file does
  api::JournalStats stats() const;

 private:
  struct Source {
    LinkNumber link = 0;
    EventRing* ring = nullptr;
    std::uint64_t leaves_with = 0;  ///< the pass that drains it for the last time; 0: it stays
  };

  template <typename Answer>
  std::invoke_result_t<const Answer&> read(const Answer& answer) {
    try {
      return answer();
    } catch (const DatabaseError& error) {
      look_at_file_now_ = true;
      throw api::Unavailable("the log " + options_.file + " cannot be read: " + error.what());
    }
  }

  // Under mutex_.
  LinkNumber link_number(const std::string& name);
  api::EventRow post(PostedEvent&& event, const std::string& link);
  bool has_room_for(const PostedEvent& event) const;
  void take(PostedEvent&& event);  ///< gives it its number
  void count_loss(std::uint64_t transitions, std::uint64_t segments);
  void count_loss_of(const LinkEvent& event);
  void settle_pass(std::uint64_t pass, bool ok);

  // The journal's thread.
  void run();
  bool run_pass(const std::vector<Source>& sources);
  bool fill(const std::vector<Source>& sources, std::vector<std::size_t>& left);
  Duration nap() const;
  void set_limits(const std::vector<Source>& sources);
  void show_life();
  void release_cache_when_idle();
  bool write_batch();
  void note_failure(const DatabaseError& error);
  void note_success(std::int64_t rows);
  void discard(const std::vector<Source>& sources);
  void keep_within_bounds();
  void write_unknown_ends(const std::vector<ConnectionId>& ids);
  api::WallTime now() const;
  api::WallTime time_for_ages() const;

  // The journal's thread, in journal_renewal.cpp.
  void look_at_file();
  void renew(const FileTrouble& trouble);
  void tell_renewal(const FileTrouble& trouble, const LogFile::Renewal& renewal);
  void look_at_wal();
  void tell_again_what_is_in_force();  // under mutex_

  void clock_stepped(const ClockStep& step);  // the clock watch's thread
  LogMoment moment_ago(Duration ago) const;

  const JournalOptions options_;
  WallAnchor anchor_;
  ConnectionId first_connection_id_ = 1;
  std::shared_ptr<std::atomic<ConnectionId>> connection_ids_;
  std::optional<KilledSession> killed_before_;

  LogFile log_;
  std::unique_ptr<JournalReader> reader_;
  std::atomic<bool> look_at_file_now_{false};
  std::atomic<bool> is_ending_{false};

  // The journal's thread's own.
  Batch batch_;
  Pace pace_;
  TimePoint retry_at_;
  TimePoint shown_life_at_;
  TimePoint wrote_much_at_;
  std::size_t pass_events_ = 0;
  TimePoint look_at_file_at_;
  bool wal_is_long_ = false;
  std::int64_t last_segment_ = 0;

  mutable std::mutex mutex_;  ///< held for moments only, never while the file is touched
  std::condition_variable wake_;
  std::condition_variable passed_;
  std::condition_variable committed_;
  std::vector<Source> sources_;
  std::map<std::string, LinkNumber> links_;
  std::vector<NewLink> new_links_;
  std::vector<PostedEvent> posted_;
  std::size_t posted_bytes_ = 0;
  bool has_lost_conditions_ = false;  ///< what is in force is written down again behind the gap
  std::uint64_t next_id_ = 1;
  std::uint64_t newest_event_ = 0;
  std::uint64_t wanted_pass_ = 0;
  std::uint64_t done_pass_ = 0;
  bool pass_ok_ = true;
  bool stopping_ = false;
  bool stopped_ = false;
  api::Health health_;
  api::WallTime ill_since_ = 0;
  std::string file_trouble_;  ///< what has happened to the file, as long as it is not put right
  std::string renewed_;       ///< the same, when it was
  TimePoint renewed_at_;
  std::string wal_trouble_;
  std::map<LinkNumber, PostedEvent::Conditions> in_force_;
  std::optional<AgeClock> age_;
  api::JournalStats stats_;
  EventsLost untold_;  ///< lost by the journal itself, not by a ring
  std::vector<ConnectionId> ended_unknown_;
  std::uint64_t gone_transitions_ = 0;  ///< lost by rings that were removed
  std::uint64_t gone_segments_ = 0;

  /// When the clock was set, oldest first, and the first connection of after that.
  struct ClockEpoch {
    TimePoint from;
    ConnectionId first = 0;
  };
  std::vector<ClockEpoch> clock_epochs_;  ///< guarded by mutex_

  std::thread thread_;
  std::unique_ptr<ClockWatch> clock_watch_;
};

}  // namespace wobble::daemon
