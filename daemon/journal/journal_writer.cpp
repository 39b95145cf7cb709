#include "daemon/journal/journal_writer.h"

#include <unistd.h>

#include <algorithm>

#include "daemon/journal/asked_periods.h"
#include "daemon/journal/event_text.h"
#include "daemon/journal/names.h"

namespace wobble::daemon {

namespace {

/// More numbers than a quarter of a second can use: none that a killed daemon gave out and lost is given again.
constexpr std::int64_t kNumbersToSkip = 1'000'000;

constexpr std::size_t kTransitionsAtOnce = 8;
constexpr int kTransitionColumns = 16;

std::string insert_transitions_sql(std::size_t rows) {
  std::string sql =
      "INSERT OR IGNORE INTO transitions(id, connection, link, at, side, from_state, to_state, evidence, row, flags, "
      "seq, ack, length, \"window\", fate, reason) VALUES";
  for (std::size_t row = 0; row < rows; ++row) {
    sql += row == 0 ? "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    : ", (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
  }
  return sql;
}

}  // namespace

JournalWriter::JournalWriter(Database& database, const WallAnchor& anchor)
    : database_(database),
      anchor_(anchor),
      books_(load()),
      connections_(database, anchor),
      insert_link_(database, "INSERT OR IGNORE INTO links(id, name, first_seen_at) VALUES(?, ?, ?)"),
      insert_event_(database,
                    "INSERT OR IGNORE INTO events(id, at, kind, link, connection, text, detail) "
                    "VALUES(?, ?, ?, ?, ?, ?, ?)"),
      insert_change_(database,
                     "INSERT OR IGNORE INTO condition_changes(id, link, at, revision, source, conditions, asked) "
                     "VALUES(?1, ?2, ?3, ?4, ?5, ?6, " +
                         asked_sql("?6") + ")"),
      insert_transition_(database, insert_transitions_sql(1)),
      insert_transitions_(database, insert_transitions_sql(kTransitionsAtOnce)),
      insert_segment_(database,
                      "INSERT OR IGNORE INTO segments(id, connection, sender, sent_at, delivered_at, flags, seq, ack, "
                      "length, \"window\", fate, reason, copy, retransmission) "
                      "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      update_books_(database,
                    "UPDATE bookkeeping SET connections = ?, transitions = ?, events = ?, segments = ?, "
                    "last_event_id = ?, last_segment_id = ?, last_connection_id = ? "
                    "WHERE last_event_id = ? AND last_segment_id = ?"),
      update_session_(database,
                      "UPDATE sessions SET last_written_at = ?2, complete_until = ?3, waiting = ?4 WHERE id = ?1") {}

Bookkeeping JournalWriter::load() {
  Statement row(database_,
                "SELECT connections, transitions, events, segments, last_event_id, last_segment_id, "
                "last_connection_id FROM bookkeeping");
  if (!row.step()) throw DatabaseError(SQLITE_CORRUPT, "its bookkeeping is gone");
  return {row.integer(0), row.integer(1), row.integer(2), row.integer(3),
          row.integer(4), row.integer(5), row.integer(6)};
}

void JournalWriter::save(const Bookkeeping& books) {
  update_books_.bind(1, books.connections)
      .bind(2, books.transitions)
      .bind(3, books.events)
      .bind(4, books.segments)
      .bind(5, books.last_event_id)
      .bind(6, books.last_segment_id)
      .bind(7, books.last_connection_id)
      .bind(8, books_.last_event_id)
      .bind(9, books_.last_segment_id)
      .run();
  // Somebody has written over the file, such as with a copy of it: what comes now must not hide that.
  if (database_.changes() != 1) {
    throw DatabaseError(SQLITE_CORRUPT, "it holds something else than what was written to it");
  }
}

std::vector<NewLink> JournalWriter::links() {
  std::vector<NewLink> all;
  Statement row(database_, "SELECT id, name, first_seen_at FROM links ORDER BY id");
  while (row.step()) all.push_back({row.integer(0), std::string(row.text(1)), row.integer(2)});
  return all;
}

std::optional<api::WallTime> JournalWriter::last_written() {
  Statement row(database_, "SELECT last_written_at FROM sessions WHERE id <> ?1 ORDER BY id DESC LIMIT 1");
  if (!row.bind(1, session_.id).step()) return std::nullopt;
  return row.integer(0);
}

std::optional<KilledSession> JournalWriter::begin_session(const std::string& version, api::WallTime now) {
  Transaction transaction(database_);
  Bookkeeping books = books_;
  std::optional<KilledSession> killed;
  {
    Statement row(database_,
                  "SELECT pid, started_at, last_written_at, coalesce(complete_until, last_written_at), waiting "
                  "FROM sessions WHERE state = 'running' ORDER BY id DESC");
    if (row.step()) {
      killed = KilledSession{row.integer(0), row.integer(1), row.integer(2), row.integer(3), row.integer(4), 0};
    }
  }
  if (killed) {
    database_.exec("UPDATE sessions SET state = 'killed' WHERE state = 'running'");
    Statement(database_, "UPDATE connections SET closed_at = max(opened_at, ?1) WHERE closed_at IS NULL")
        .bind(1, killed->last_written_at)
        .run();
    killed->open_connections = database_.changes();
    books.last_event_id += kNumbersToSkip;
    books.last_connection_id += kNumbersToSkip;
  }
  Statement(database_,
            "INSERT INTO sessions(pid, version, started_at, last_written_at, state) VALUES(?1, ?2, ?3, ?3, 'running')")
      .bind(1, getpid())
      .bind(2, version)
      .bind(3, now)
      .run();
  const auto session = database_.integer("SELECT last_insert_rowid()");
  save(books);
  transaction.commit();
  session_ = {session, version, now};
  books_ = books;
  return killed;
}

bool JournalWriter::continue_session(const Session& session, const std::vector<NewLink>& links,
                                     const Bookkeeping& given) {
  Transaction transaction(database_);
  const bool is_new = database_.integer("SELECT NOT EXISTS (SELECT 1 FROM sessions)") != 0;
  if (is_new) {
    Statement(database_,
              "INSERT INTO sessions(id, pid, version, started_at, last_written_at, state) "
              "VALUES(?1, ?2, ?3, ?4, ?4, 'running')")
        .bind(1, session.id)
        .bind(2, getpid())
        .bind(3, session.version)
        .bind(4, session.started_at)
        .run();
  } else {
    Statement row(database_, "SELECT 1 FROM sessions WHERE id = ?1 AND pid = ?2 AND started_at = ?3");
    if (!row.bind(1, session.id).bind(2, getpid()).bind(3, session.started_at).step()) return false;
  }
  for (const NewLink& link : links) insert_link_.bind(1, link.number).bind(2, link.name).bind(3, link.at).run();
  Bookkeeping books = books_;
  books.last_event_id = std::max(books.last_event_id, given.last_event_id);
  books.last_segment_id = std::max(books.last_segment_id, given.last_segment_id);
  books.last_connection_id = std::max(books.last_connection_id, given.last_connection_id);
  save(books);
  transaction.commit();
  session_ = session;
  books_ = books;
  return true;
}

void JournalWriter::show_life(api::WallTime now) {
  update_session_.bind(1, session_.id).bind(2, now).bind(3, now).bind(4, std::int64_t{0}).run();
}

std::int64_t JournalWriter::end_unknown(std::span<const ConnectionId> ids, api::WallTime now) {
  Transaction transaction(database_);
  Statement end(database_,
                "UPDATE connections SET closed_at = max(opened_at, ?2), \"end\" = ?3 WHERE id = ?1 AND closed_at IS "
                "NULL");
  std::int64_t ended = 0;
  for (const ConnectionId id : ids) {
    end.bind(1, column_value(id)).bind(2, now).bind(3, name_of(End::unknown)).run();
    ended += database_.changes();
  }
  transaction.commit();
  return ended;
}

void JournalWriter::end_session(api::WallTime now) {
  Transaction transaction(database_);
  // The links' threads close their connections when they stop: these are what was lost of that.
  Statement(database_, "UPDATE connections SET closed_at = max(opened_at, ?1) WHERE closed_at IS NULL")
      .bind(1, now)
      .run();
  Statement(database_, "UPDATE sessions SET stopped_at = ?2, last_written_at = ?2, state = 'stopped' WHERE id = ?1")
      .bind(1, session_.id)
      .bind(2, now)
      .run();
  transaction.commit();
}

std::int64_t JournalWriter::write(const Batch& batch) {
  connections_.forget();
  Bookkeeping books = books_;
  Transaction transaction(database_);
  for (const NewLink& link : batch.new_links) {
    insert_link_.bind(1, link.number).bind(2, link.name).bind(3, link.at).run();
  }
  for (const PostedEvent& event : batch.posted) write_posted(event, books);
  std::uint64_t next_id = batch.first_id;
  for (const DrainedEvents& from : batch.drained) write_drained(from, next_id, books);
  books.connections += connections_.flush(session_.id);
  if (batch.last_id != 0) books.last_event_id = column_value(batch.last_id);
  save(books);
  const api::WallTime complete_until = batch.complete_until == 0 ? batch.at : batch.complete_until;
  update_session_.bind(1, session_.id).bind(2, batch.at).bind(3, complete_until).bind(4, batch.waiting).run();
  transaction.commit();
  const auto total = [](const Bookkeeping& b) { return b.connections + b.transitions + b.events + b.segments; };
  const std::int64_t rows = total(books) - total(books_);
  books_ = books;
  return rows;
}

void JournalWriter::write_posted(const PostedEvent& event, Bookkeeping& books) {
  const auto present = [](const std::string& text) {
    return text.empty() ? std::optional<std::string>() : std::optional(text);
  };
  if (!event.kind.empty()) {
    write_event(event.id, event.at, event.kind.c_str(), event.link, event.connection, present(event.text),
                present(event.detail));
    ++books.events;
  }
  if (!event.conditions) return;
  insert_change_.bind(1, column_value(event.id))
      .bind(2, event.link)
      .bind(3, event.at)
      .bind(4, column_value(event.conditions->revision))
      .bind(5, event.conditions->source)
      .bind(6, event.conditions->json)
      .run();
}

void JournalWriter::write_event(std::uint64_t id, api::WallTime at, const char* kind, LinkNumber link,
                                ConnectionId connection, const std::optional<std::string>& text,
                                const std::optional<std::string>& detail) {
  insert_event_.bind(1, column_value(id)).bind(2, at).bind(3, kind).bind(6, text).bind(7, detail);
  link == 0 ? insert_event_.bind_null(4) : insert_event_.bind(4, link);
  connection == 0 ? insert_event_.bind_null(5) : insert_event_.bind(5, column_value(connection));
  insert_event_.run();
}

void JournalWriter::write_drained(const DrainedEvents& from, std::uint64_t& next_id, Bookkeeping& books) {
  transitions_.clear();
  for (const LinkEvent& any : from.events) {
    if (const auto* transition = std::get_if<Transition>(&any)) {
      transitions_.push_back({transition, next_id++});
      connections_.changed(*transition);
      ++books.transitions;
    } else if (const auto* segment = std::get_if<SegmentRecord>(&any)) {
      write_segment(*segment, ++books.last_segment_id);
      ++books.segments;
    } else if (const auto* opened = std::get_if<ConnectionOpened>(&any)) {
      connections_.opened(*opened, next_id, from.link);
      write_event(next_id++, anchor_.at(opened->at), "connection_opened", from.link, opened->id, {}, {});
      books.last_connection_id = std::max(books.last_connection_id, column_value(opened->id));
      ++books.events;
    } else if (const auto* closed = std::get_if<ConnectionClosed>(&any)) {
      connections_.closed(*closed);
      write_event(next_id++, anchor_.at(closed->at), "connection_closed", from.link, closed->id, {}, {});
      ++books.events;
    } else if (const auto* reopened = std::get_if<ConnectionReopened>(&any)) {
      connections_.reopened(*reopened);
    } else if (const auto* late = std::get_if<LateFigures>(&any)) {
      connections_.late(*late);
    } else if (const auto* lost = std::get_if<EventsLost>(&any)) {
      write_loss(*lost, next_id++, from.link);
      ++books.events;
    } else if (const auto* exhausted = std::get_if<MemoryExhausted>(&any)) {
      write_event(next_id++, anchor_.at(exhausted->at), "memory_exhausted", from.link, 0,
                  exhausted_text(exhausted->limit), exhausted_detail(exhausted->limit));
      ++books.events;
    } else if (const auto* flood = std::get_if<HalfOpenFlood>(&any)) {
      const char* kind = flood->is_one_sided ? "one_sided_flood" : "half_open_flood";
      write_event(next_id++, anchor_.at(flood->at), kind, from.link, 0, flood_text(*flood),
                  flood_detail(*flood, anchor_.at(flood->since)));
      ++books.events;
    }
  }
  write_transitions(from.link);
}

void JournalWriter::write_transitions(LinkNumber link) {
  std::size_t done = 0;
  for (; transitions_.size() - done >= kTransitionsAtOnce; done += kTransitionsAtOnce) {
    for (std::size_t row = 0; row < kTransitionsAtOnce; ++row) {
      const auto& [event, id] = transitions_[done + row];
      bind_transition(insert_transitions_, static_cast<int>(row), *event, id, link);
    }
    insert_transitions_.run();
  }
  for (; done < transitions_.size(); ++done) {
    bind_transition(insert_transition_, 0, *transitions_[done].event, transitions_[done].id, link);
    insert_transition_.run();
  }
}

void JournalWriter::bind_transition(Statement& statement, int row, const Transition& event, std::uint64_t id,
                                    LinkNumber link) {
  const int before = row * kTransitionColumns;
  statement.bind(before + 1, column_value(id))
      .bind(before + 2, column_value(event.id))
      .bind(before + 3, link)
      .bind(before + 4, anchor_.at(event.at))
      .bind(before + 5, name_of(event.side))
      .bind(before + 6, name_of(event.from))
      .bind(before + 7, name_of(event.to))
      .bind(before + 8, name_of(event.evidence))
      .bind(before + 9, static_cast<std::int64_t>(event.row));
  if (!event.has_segment) {
    for (int column = 10; column <= kTransitionColumns; ++column) statement.bind_null(before + column);
    return;
  }
  const SegmentSummary& segment = event.segment;
  statement.bind(before + 10, flag_names(segment.tcp.flags))
      .bind(before + 11, segment.tcp.seq)
      .bind(before + 12, segment.tcp.ack)
      .bind(before + 13, segment.tcp.length)
      .bind(before + 14, segment.tcp.window)
      .bind(before + 15, name_of(segment.fate));
  segment.drop == DropReason::none ? statement.bind_null(before + 16)
                                   : statement.bind(before + 16, name_of(segment.drop));
}

void JournalWriter::write_segment(const SegmentRecord& event, std::int64_t id) {
  insert_segment_.bind(1, id)
      .bind(2, column_value(event.id))
      .bind(3, name_of(event.from))
      .bind(4, anchor_.at(event.sent_at))
      .bind(6, flag_names(event.tcp.flags))
      .bind(7, event.tcp.seq)
      .bind(8, event.tcp.ack)
      .bind(9, event.tcp.length)
      .bind(10, event.tcp.window)
      .bind(11, name_of(event.fate))
      .bind(13, event.copy)
      .bind(14, event.retransmission ? 1 : 0);
  event.delivered_at == kNever ? insert_segment_.bind_null(5) : insert_segment_.bind(5, anchor_.at(event.delivered_at));
  event.drop == DropReason::none ? insert_segment_.bind_null(12) : insert_segment_.bind(12, name_of(event.drop));
  insert_segment_.run();
}

void JournalWriter::write_loss(const EventsLost& event, std::uint64_t id, LinkNumber link) {
  write_event(id, anchor_.at(event.at), "events_lost", link, 0, loss_text(event), loss_detail(event));
}

}  // namespace wobble::daemon
