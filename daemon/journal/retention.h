// Keeps the journal within its bounds, in slices so small that they never hold a batch up.
#pragma once

#include <chrono>
#include <cstdint>

#include "daemon/journal/database.h"
#include "daemon/journal/journal_writer.h"

namespace wobble::daemon {

/// What is kept at most; the oldest goes first. A connection that lives is not counted out. 0: no bound.
struct RetentionLimits {
  std::int64_t connections = 1'000'000;
  std::int64_t transitions_and_events = 10'000'000;
  std::int64_t segments = 2'000'000;
  std::chrono::seconds age = std::chrono::hours(24 * 30);
};

/// Thread: the writer's.
class Retention {
 public:
  static constexpr std::int64_t kSliceRows = 500;  ///< deleted at most in one transaction

  Retention(Database& database, JournalWriter& writer, const RetentionLimits& limits);

  /// Whether some table has grown far past its bound, so that slices must be cut under load too.
  bool is_urgent() const;
  /// One slice: deletes rows of one table, or gives pages back to the file system. True if there is more to do.
  bool cut_slice(api::WallTime now);

 private:
  std::int64_t remove_beyond_limits(Bookkeeping& books);
  std::int64_t remove_beyond_age(Bookkeeping& books, api::WallTime now);
  std::int64_t remove_connections(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most);
  std::int64_t remove_events(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most);
  std::int64_t remove_segments(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most);
  void remove_old_changes(api::WallTime oldest);
  bool give_pages_back();

  Database& database_;
  JournalWriter& writer_;
  RetentionLimits limits_;
  api::WallTime look_at_ages_at_ = 0;
  bool look_at_free_pages_ = true;
  bool vacuuming_ = false;
};

}  // namespace wobble::daemon
