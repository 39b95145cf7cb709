// The log of everything that happened, in one SQLite file.
//
// What comes in: from each link's thread through its EventRing; from anybody else through record_*() and annotate(),
// into the Inbox. The journal's own thread drains both and writes (journal_thread.h), so that a killed daemon loses at
// most what came in the last quarter of a second, and never the file (WAL). A log that gets more than the disk takes
// has gaps instead, counted and told where they are: events_lost. When the file cannot be written at all, health() says
// so; nobody waits.
//
// A connection that was open when the log ended (the daemon stopped or was killed) gets closed_at = the time of the
// last write, and keeps the end "open".
//
// When something happens to the file (it is removed, moved, cut off, ...), that is seen within some seconds: then a new
// one is begun at the same path, with what is in force and the connections that live (file_care.h, log_file.h).
// health() says so for ten seconds at least, and an event log_renewed what is lost.
//
// When the system's clock is set, or the machine sleeps, clock_stepped is recorded: what comes behind it bears the new
// time (session_clock.h).
//
// Thread: every function may be called from any thread. Reading throws api::Unavailable if the file cannot be read, or
// the answer is not found in time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/clock_watch.h"
#include "daemon/journal/file_care.h"
#include "daemon/journal/inbox.h"
#include "daemon/journal/journal_health.h"
#include "daemon/journal/journal_options.h"
#include "daemon/journal/journal_reader.h"
#include "daemon/journal/journal_thread.h"
#include "daemon/journal/log_file.h"
#include "daemon/journal/passes.h"
#include "daemon/journal/session_clock.h"
#include "emulator/connections/event_ring.h"

namespace wobble::daemon {

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
  void remove_link(EventRing& ring) { passes_.remove(ring); }

  /// Writes what is in the rings and what was posted before this call. True when that is committed; false if the time
  /// is up, or at once if the file cannot be written.
  bool sync(Duration at_most) { return passes_.sync(at_most); }

  // Posting never waits for the file. Returns the event with its number; it is committed soon after.
  api::EventRow record_change(const ConditionChange& change);
  api::EventRow annotate(const std::string& text, const std::optional<std::string>& link);
  /// `detail`: a JSON object as text, or empty. `link`: empty for none.
  api::EventRow record_event(const std::string& kind, const std::string& text, const std::string& detail,
                             const std::string& link = "", ConnectionId connection = 0) {
    return inbox_.record(kind, text, detail, link, connection);
  }

  /// Waits until an event with a number above `since` is committed, at most `at_most`. Returns the newest number.
  std::uint64_t wait_for_event(std::uint64_t since, Duration at_most) { return inbox_.wait_for_event(since, at_most); }
  std::uint64_t newest_event() const { return inbox_.newest_event(); }

  /// Ends the questions under way at once, and refuses new ones: the daemon is to end.
  void end_questions() { reader_.end("the daemon is stopping"); }

  /// A query's "ago" is by the steady clock.
  api::Page<api::ConnectionRow> connections(const api::ConnectionQuery& query) {
    return read([&] { return reader_.connections(query); });
  }
  std::optional<api::ConnectionRow> connection(ConnectionId id) {
    return read([&] { return reader_.connection(id); });
  }
  std::vector<api::TransitionRow> transitions(ConnectionId id) {
    return read([&] { return reader_.transitions(id); });
  }
  std::vector<api::SegmentRow> segments(ConnectionId id) {
    return read([&] { return reader_.segments(id); });
  }
  std::vector<api::ConditionsRow> conditions(ConnectionId id) {
    return read([&] { return reader_.conditions(id); });
  }
  std::vector<api::EventRow> events(const api::EventQuery& query) {
    return read([&] { return reader_.events(query); });
  }

  /// Connections that have not ended as far as the log knows, the oldest first.
  std::vector<LivingRow> living() {
    return read([&] { return reader_.living(); });
  }
  /// They are known to have ended before this call: where the log does not know it yet, after all that came before was
  /// written, their end is "unknown". An event says how many.
  void end_unknown(const std::vector<ConnectionId>& ids) { passes_.end_unknown(ids); }

  /// Above every connection of the sessions before: ConnectionTableOptions::first_id.
  ConnectionId first_connection_id() const noexcept { return first_connection_id_; }
  /// From there on all links draw their connections' numbers: ConnectionTableOptions::ids.
  const std::shared_ptr<std::atomic<ConnectionId>>& connection_ids() const noexcept { return connection_ids_; }
  /// What is known of the session before this one, if it was killed.
  const std::optional<KilledSession>& killed_before() const noexcept { return killed_before_; }
  api::WallTime wall_clock(TimePoint at) const noexcept { return clock_.at(at); }
  const std::string& file() const noexcept { return options_.file; }

  api::Health health() const { return health_.health(); }  ///< answers at once, whatever the file does
  api::JournalStats stats() const;

 private:
  template <typename Answer>
  std::invoke_result_t<const Answer&> read(const Answer& answer) {
    try {
      return answer();
    } catch (const DatabaseError& error) {
      care_.look_soon();
      throw api::Unavailable("the log " + options_.file + " cannot be read: " + error.what());
    }
  }
  void clock_stepped(const ClockStep& step);  // the clock watch's thread

  const JournalOptions options_;
  SessionClock clock_;
  LogFile log_;  ///< the constructor's, then thread_'s
  const std::optional<KilledSession> killed_before_;
  const ConnectionId first_connection_id_;
  const std::shared_ptr<std::atomic<ConnectionId>> connection_ids_;
  JournalReader reader_;
  Inbox inbox_;
  Passes passes_;
  JournalHealth health_;
  FileCare care_;  ///< thread_'s
  JournalThread thread_;
  std::unique_ptr<ClockWatch> clock_watch_;
};

}  // namespace wobble::daemon
