// What is done for the log's file between two passes, when nothing waits: its bounds, its signs of life, its cache.
//
// Thread: the journal's. Throws DatabaseError where it says so.
#pragma once

#include <cstddef>
#include <cstdint>

#include "emulator/time.h"

namespace wobble::daemon {

class LogFile;
class Passes;
class SessionClock;

class Upkeep {
 public:
  /// All of them outlive this.
  Upkeep(LogFile& log, const SessionClock& clock, const Passes& passes) : log_(log), clock_(clock), passes_(passes) {}

  /// A transaction has written so many rows.
  void wrote(std::int64_t rows);
  /// Deletes what is kept too long for some milliseconds at most, where the last pass of so many events has left time.
  /// Throws DatabaseError.
  void keep_within_bounds(std::size_t pass_events);
  /// Says in the session's row that the daemon lives, if nothing has for a second: the next start tells from it when a
  /// daemon was killed that had nothing to write. True if it was written. Throws DatabaseError.
  bool show_life(std::size_t pass_events);
  /// A busy time leaves many megabytes in SQLite's cache, which a small part of somebody's machine should not keep.
  void release_cache_when_idle();

 private:
  LogFile& log_;
  const SessionClock& clock_;
  const Passes& passes_;
  TimePoint shown_life_at_;
  TimePoint wrote_much_at_;
};

}  // namespace wobble::daemon
