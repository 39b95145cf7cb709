// Whether the log is written, and what is wrong with its file: said by health() to whoever asks, and when it changes in
// an event and in the daemon's own log.
#pragma once

#include <cstdint>
#include <string>

#include "api/backend.h"
#include "emulator/mutex.h"
#include "emulator/time.h"

namespace wobble::daemon {

class Inbox;
class SessionClock;

class JournalHealth {
 public:
  /// `clock` and `inbox` outlive this.
  JournalHealth(std::string file, const SessionClock& clock, Inbox& inbox);
  JournalHealth(const JournalHealth&) = delete;
  JournalHealth& operator=(const JournalHealth&) = delete;

  // Any thread; at once, whatever the file does.
  api::Health health() const;
  void add_to(api::JournalStats& stats) const;

  // The journal's thread.
  /// So many rows were committed.
  void wrote(std::int64_t rows);
  /// Nothing was: `why`.
  void failed(const std::string& why);
  /// Something has happened to the file, which is not put right yet.
  void file_has_trouble(const std::string& what);
  /// It could not be put right.
  void file_keeps_trouble(const std::string& what);
  void file_is_well();
  /// It was put right: shown for ten seconds at least.
  void file_was_renewed(const std::string& text);
  /// That the write-ahead log is too long; empty: it is not.
  void tell_of_wal(const std::string& text);

 private:
  const std::string file_;
  const SessionClock& clock_;
  Inbox& inbox_;
  mutable Mutex mutex_;  ///< held for moments only
  api::Health writing_ WOBBLE_GUARDED_BY(mutex_);
  api::WallTime ill_since_ WOBBLE_GUARDED_BY(mutex_) = 0;  ///< if writing_ is not ok
  std::string file_trouble_
      WOBBLE_GUARDED_BY(mutex_);                   ///< what has happened to the file, as long as it is not put right
  std::string renewed_ WOBBLE_GUARDED_BY(mutex_);  ///< the same, when it was
  TimePoint renewed_at_ WOBBLE_GUARDED_BY(mutex_);
  std::string wal_trouble_ WOBBLE_GUARDED_BY(mutex_);
  std::uint64_t rows_written_ WOBBLE_GUARDED_BY(mutex_) = 0;
  std::uint64_t write_errors_ WOBBLE_GUARDED_BY(mutex_) = 0;
  std::uint64_t renewals_ WOBBLE_GUARDED_BY(mutex_) = 0;
};

}  // namespace wobble::daemon
