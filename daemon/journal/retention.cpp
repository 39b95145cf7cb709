#include "daemon/journal/retention.h"

#include <algorithm>
#include <limits>
#include <string>

namespace wobble::daemon {

namespace {

constexpr api::WallTime kAnyAge = std::numeric_limits<api::WallTime>::max();
constexpr api::WallTime kBetweenLooksAtAges = 10'000'000'000;
/// Free pages that are kept for the next rows: 4 MB, or a twentieth of the file if that is more.
constexpr std::int64_t kFreePagesKept = 1000;
constexpr std::int64_t kFreeShareKept = 20;
constexpr int kPagesPerSlice = 250;
constexpr std::int64_t kRoomShare = 20;

bool is_over(std::int64_t rows, std::int64_t limit) { return limit > 0 && rows > limit; }

/// Deletes and returns how many.
std::int64_t remove(Database& database, const std::string& sql, api::WallTime oldest, std::int64_t at_most) {
  Statement statement(database, sql);
  statement.bind(1, oldest).bind(2, at_most).run();
  return database.changes();
}

}  // namespace

Retention::Retention(Database& database, JournalWriter& writer, const RetentionLimits& limits)
    : database_(database),
      writer_(writer),
      limits_(limits),
      page_size_(database.integer("PRAGMA page_size")),
      page_count_(database, "PRAGMA page_count"),
      freelist_count_(database, "PRAGMA freelist_count") {}

std::int64_t Retention::pages_over() const {
  const auto first = [](Statement& statement) {
    const std::int64_t value = statement.step() ? statement.integer(0) : 0;
    statement.reset();
    return value;
  };
  // A little below the bound, so that what is free finds its way back into use or out of the file before it is met.
  const std::int64_t may_hold = limits_.bytes / page_size_;
  return first(page_count_) - first(freelist_count_) - (may_hold - may_hold / kRoomShare);
}

bool Retention::is_urgent() const {
  const Bookkeeping& books = writer_.books();
  const auto far_over = [](std::int64_t rows, std::int64_t limit) { return is_over(rows, limit + limit / 20); };
  return far_over(books.connections, limits_.connections) || far_over(books.segments, limits_.segments) ||
         far_over(books.transitions + books.events, limits_.transitions_and_events) ||
         (limits_.bytes > 0 && pages_over() > limits_.bytes / page_size_ / kRoomShare);
}

bool Retention::cut_slice(api::WallTime now) {
  const bool was_set_back = now < look_at_ages_at_ - kBetweenLooksAtAges;
  const bool look_at_ages = limits_.age.count() > 0 && (now >= look_at_ages_at_ || was_set_back);
  const Bookkeeping& has = writer_.books();
  const bool over = is_over(has.segments, limits_.segments) || is_over(has.connections, limits_.connections) ||
                    is_over(has.transitions + has.events, limits_.transitions_and_events);
  const bool too_large = limits_.bytes > 0 && pages_over() > 0;
  if (over || too_large || look_at_ages) {
    Bookkeeping books = has;
    Transaction transaction(database_);
    std::int64_t removed = over ? remove_beyond_limits(books) : 0;
    if (removed == 0 && too_large) removed = remove_beyond_size(books);
    if (removed == 0 && look_at_ages) removed = remove_beyond_age(books, now);
    if (removed > 0) writer_.save(books);
    transaction.commit();
    writer_.saved(books);
    if (removed > 0) return look_at_free_pages_ = true;
  }
  return look_at_free_pages_ && give_pages_back();
}

std::int64_t Retention::remove_beyond_limits(Bookkeeping& books) {
  // A little more than what is over, so that not every new row is followed by a deletion.
  const auto slice = [](std::int64_t rows, std::int64_t limit) {
    return is_over(rows, limit) ? std::min(kSliceRows, rows - limit + limit / 100) : 0;
  };
  if (const auto rows = slice(books.segments, limits_.segments)) return remove_segments(books, kAnyAge, rows);
  if (const auto rows = slice(books.transitions + books.events, limits_.transitions_and_events)) {
    return remove_events(books, kAnyAge, rows);
  }
  return remove_connections(books, kAnyAge, slice(books.connections, limits_.connections));
}

std::int64_t Retention::remove_beyond_size(Bookkeeping& books) {
  // From the table whose oldest row is the oldest of all: so the log loses its beginning, and not one kind of row.
  const auto oldest = [&](const char* sql) {
    Statement row(database_, sql);
    return row.step() && !row.is_null(0) ? row.integer(0) : kAnyAge;
  };
  const api::WallTime segment = oldest("SELECT sent_at FROM segments ORDER BY id LIMIT 1");
  const api::WallTime event = std::min(oldest("SELECT at FROM transitions ORDER BY id LIMIT 1"),
                                       oldest("SELECT at FROM events ORDER BY id LIMIT 1"));
  const api::WallTime connection =
      oldest("SELECT opened_at FROM connections WHERE closed_at IS NOT NULL ORDER BY opened_event LIMIT 1");
  // What was asked before any connection that is kept, and of which nobody can ask any more.
  const api::WallTime eldest = oldest("SELECT opened_at FROM connections ORDER BY opened_event LIMIT 1");
  if (const auto removed = remove_old_changes(std::min({segment, event, eldest}))) return removed;
  if (segment <= std::min(event, connection) && segment != kAnyAge) return remove_segments(books, kAnyAge, kSliceRows);
  if (event <= connection && event != kAnyAge) return remove_events(books, kAnyAge, kSliceRows);
  return remove_connections(books, kAnyAge, kSliceRows);
}

std::int64_t Retention::remove_beyond_age(Bookkeeping& books, api::WallTime now) {
  const api::WallTime oldest = now - Duration(limits_.age).count();
  if (const auto removed = remove_segments(books, oldest, kSliceRows)) return removed;
  if (const auto removed = remove_events(books, oldest, kSliceRows)) return removed;
  if (const auto removed = remove_connections(books, oldest, kSliceRows)) return removed;
  remove_old_changes(oldest);
  remove_old_sessions(oldest);
  look_at_ages_at_ = now + kBetweenLooksAtAges;
  return 0;
}

std::int64_t Retention::remove_connections(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most) {
  // Looks at the oldest few that are over, never through the whole table for one that is old enough.
  const auto removed = remove(database_,
                              "DELETE FROM connections WHERE opened_event IN (SELECT opened_event FROM "
                              "(SELECT opened_event, closed_at FROM connections WHERE closed_at IS NOT NULL "
                              "ORDER BY opened_event LIMIT ?2) WHERE closed_at < ?1)",
                              oldest, at_most);
  books.connections -= removed;
  return removed;
}

std::int64_t Retention::remove_events(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most) {
  // Transitions and events are one sequence in two tables: both lose what is below the same number.
  const auto boundary = [&](const char* sql) {
    Statement row(database_, sql);
    row.bind(1, std::max<std::int64_t>(at_most / 2, 1) - 1);
    return row.step() ? row.integer(0) : std::numeric_limits<std::int64_t>::max();
  };
  const auto below = std::min(boundary("SELECT id FROM transitions ORDER BY id LIMIT 1 OFFSET ?1"),
                              boundary("SELECT id FROM events ORDER BY id LIMIT 1 OFFSET ?1"));
  const auto transitions = remove(database_, "DELETE FROM transitions WHERE id <= ?2 AND at < ?1", oldest, below);
  const auto events = remove(database_, "DELETE FROM events WHERE id <= ?2 AND at < ?1", oldest, below);
  books.transitions -= transitions;
  books.events -= events;
  return transitions + events;
}

std::int64_t Retention::remove_segments(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most) {
  const auto removed = remove(database_,
                              "DELETE FROM segments WHERE id IN (SELECT id FROM "
                              "(SELECT id, sent_at FROM segments ORDER BY id LIMIT ?2) WHERE sent_at < ?1)",
                              oldest, at_most);
  books.segments -= removed;
  return removed;
}

std::int64_t Retention::remove_old_changes(api::WallTime oldest) {
  // The latest change of a link says what has been in force since, however long ago it was made.
  return remove(database_,
                "DELETE FROM condition_changes WHERE id IN (SELECT id FROM "
                "(SELECT id, link, at FROM condition_changes ORDER BY id LIMIT 10 * ?2) o WHERE o.at < ?1 AND EXISTS "
                "(SELECT 1 FROM condition_changes n WHERE n.link = o.link AND n.at > o.at AND n.at < ?1) LIMIT ?2)",
                oldest, kSliceRows);
}

void Retention::remove_old_sessions(api::WallTime oldest) {
  remove(database_,
         "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_written_at < ?1 "
         "AND state <> 'running' LIMIT ?2)",
         oldest, kSliceRows);
}

bool Retention::give_pages_back() {
  const auto free_pages = database_.integer("PRAGMA freelist_count");
  const auto all_pages = database_.integer("PRAGMA page_count");
  const auto kept = std::max(kFreePagesKept, all_pages / kFreeShareKept);
  // Between these two bounds it rests: else each deleted slice would be given back and asked for again.
  const bool too_large = limits_.bytes > 0 && all_pages * page_size_ > limits_.bytes;
  if (free_pages > 2 * kept || too_large) vacuuming_ = true;
  if (free_pages <= kept && !too_large) vacuuming_ = false;
  if (free_pages == 0) vacuuming_ = false;
  if (!vacuuming_) return look_at_free_pages_ = false;
  const std::int64_t wanted = too_large ? all_pages - limits_.bytes / page_size_ : kPagesPerSlice;
  database_.exec("PRAGMA incremental_vacuum(" + std::to_string(std::clamp<std::int64_t>(wanted, 1, kPagesPerSlice)) +
                 ")");
  return true;
}

}  // namespace wobble::daemon
