// The one writer of the journal's file: sessions and batches, each in a transaction.
//
// Thread: one at a time (the opener's until the journal's thread runs, then that thread's).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "daemon/journal/batch.h"
#include "daemon/journal/connection_rows.h"
#include "daemon/journal/database.h"
#include "daemon/journal/wall_anchor.h"

namespace wobble::daemon {

/// The row of `bookkeeping`: written with every transaction that changes it.
struct Bookkeeping {
  std::int64_t connections = 0;
  std::int64_t transitions = 0;
  std::int64_t events = 0;
  std::int64_t segments = 0;
  std::int64_t last_event_id = 0;
  std::int64_t last_segment_id = 0;
  std::int64_t last_connection_id = 0;
};

/// The session before this one, if it ended without stopping.
struct KilledSession {
  std::int64_t pid = 0;
  api::WallTime started_at = 0;
  api::WallTime last_written_at = 0;
  api::WallTime complete_until = 0;   ///< nothing that came before is missing, but what is told as lost
  std::int64_t waiting = 0;           ///< events that were known to come after that, when it last wrote
  std::int64_t open_connections = 0;  ///< were open when the log ended
};

/// A row of `sessions` that is this process's.
struct Session {
  std::int64_t id = 0;
  std::string version;
  api::WallTime started_at = 0;
};

class JournalWriter {
 public:
  /// `anchor` must live as long.
  JournalWriter(Database& database, const WallAnchor& anchor);

  /// When the session before this one last wrote something; none: there was none.
  std::optional<api::WallTime> last_written();
  /// Begins a session and ends one that was killed: what it left open gets closed_at = its last write (end stays
  /// "open": the log ended while it was open). The numbering goes on above whatever a client may have seen of it.
  std::optional<KilledSession> begin_session(const std::string& version, api::WallTime now);
  /// Goes on with this process's session, in a file that was opened again, or in a new one: `links` are known there,
  /// and no number up to those of `given` is given again. False, and nothing is changed, if the file was not new and
  /// has no such session.
  bool continue_session(const Session& session, const std::vector<NewLink>& links, const Bookkeeping& given);
  Session session() const { return session_; }
  /// Nothing came until now.
  void show_life(api::WallTime now);
  /// Of these, those that have not ended as far as the file knows have now, with end "unknown". Returns how many.
  std::int64_t end_unknown(std::span<const ConnectionId> ids, api::WallTime now);
  /// Marks this session as stopped in order.
  void end_session(api::WallTime now);

  /// One transaction. Throws DatabaseError; then nothing of it is in the file and it may be written again.
  /// Returns the number of rows.
  std::int64_t write(const Batch& batch);

  const Bookkeeping& books() const noexcept { return books_; }
  /// For whoever changes the tables in a transaction of his own: call within it; it sticks when that commits. Throws
  /// DatabaseError if the file does not hold what was written last.
  void save(const Bookkeeping& books);
  void saved(const Bookkeeping& books) noexcept { books_ = books; }

  std::vector<NewLink> links();

 private:
  Bookkeeping load();
  void write_posted(const PostedEvent& event, Bookkeeping& books);
  void write_event(std::uint64_t id, api::WallTime at, const char* kind, LinkNumber link, ConnectionId connection,
                   const std::optional<std::string>& text, const std::optional<std::string>& detail);
  void write_drained(const DrainedEvents& from, std::uint64_t& next_id, Bookkeeping& books);
  void bind_transition(Statement& statement, int row, const Transition& event, std::uint64_t id, LinkNumber link);
  void write_transitions(LinkNumber link);
  void write_segment(const SegmentRecord& event, std::int64_t id);
  void write_loss(const EventsLost& event, std::uint64_t id, LinkNumber link);

  struct NumberedTransition {
    const Transition* event;
    std::uint64_t id;
  };

  Database& database_;
  const WallAnchor& anchor_;
  Session session_;
  Bookkeeping books_;
  ConnectionWriter connections_;
  std::vector<NumberedTransition> transitions_;  ///< of the ring at hand
  Statement insert_link_;
  Statement insert_event_;
  Statement insert_change_;
  Statement insert_transition_;
  Statement insert_transitions_;  ///< kTransitionsAtOnce rows: a quarter cheaper each
  Statement insert_segment_;
  Statement update_books_;
  Statement update_session_;
};

}  // namespace wobble::daemon
