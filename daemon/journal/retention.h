// Keeps the journal within its bounds, in slices so small that they never hold a batch up.
//
// The oldest rows go first. The pages they leave are used again by the next rows; when many more are free than those
// will need, or the file is larger than it may be, they are given back to the file system, some at a time
// (auto_vacuum = INCREMENTAL): the file becomes smaller by itself, and nothing ever copies it as a whole.
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
  std::int64_t bytes = 4'000'000'000;  ///< of the database file; its write-ahead log (up to 64 MB) comes on top
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
  std::int64_t remove_beyond_size(Bookkeeping& books);
  std::int64_t remove_beyond_age(Bookkeeping& books, api::WallTime now);
  std::int64_t remove_connections(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most);
  std::int64_t remove_events(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most);
  std::int64_t remove_segments(Bookkeeping& books, api::WallTime oldest, std::int64_t at_most);
  std::int64_t remove_old_changes(api::WallTime oldest);
  void remove_old_sessions(api::WallTime oldest);
  bool give_pages_back();
  /// Pages that hold something, beyond what the file may hold; negative: there is room.
  std::int64_t pages_over() const;

  Database& database_;
  JournalWriter& writer_;
  RetentionLimits limits_;
  api::WallTime look_at_ages_at_ = 0;
  bool look_at_free_pages_ = true;
  bool vacuuming_ = false;
  std::int64_t page_size_;
  mutable Statement page_count_;
  mutable Statement freelist_count_;
};

}  // namespace wobble::daemon
