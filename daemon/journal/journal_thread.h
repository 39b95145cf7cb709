// The journal's own thread: drains the rings, takes what was posted, and writes it.
//
// It wakes every 50 ms, or when somebody waits, and writes what it found in transactions that take some 30 ms each.
// What waits in the rings is bounded by the time it takes to write it (pace.h).
//
// When the file cannot be written (disk full), the batch at hand is kept and tried again; meanwhile the rings are not
// drained. They are the bounded backlog, and refuse, count and tell what no longer fits (event_ring.h). A batch that is
// wrong in itself (a defect of ours) is given up, counted and told.
#pragma once

#include <cstddef>
#include <thread>
#include <vector>

#include "daemon/journal/batch.h"
#include "daemon/journal/pace.h"
#include "daemon/journal/upkeep.h"

namespace wobble::daemon {

class DatabaseError;
class FileCare;
class Inbox;
class JournalHealth;
struct JournalOptions;
struct RingSource;

class JournalThread {
 public:
  /// All of them outlive this. From start() to join() the log is the thread's.
  JournalThread(const JournalOptions& options, LogFile& log, const SessionClock& clock, Inbox& inbox, Passes& passes,
                JournalHealth& health, FileCare& care);
  JournalThread(const JournalThread&) = delete;
  JournalThread& operator=(const JournalThread&) = delete;

  /// Before start(), on the caller's thread: writes what was posted so far. Throws DatabaseError.
  void write_posted();
  void start();
  /// After Passes::stop(): waits for the last pass, which ends the session.
  void join() { thread_.join(); }

 private:
  void run();
  bool run_pass(const std::vector<RingSource>& sources);
  bool fill(const std::vector<RingSource>& sources, std::vector<std::size_t>& left);
  Duration nap() const;
  void set_limits(const std::vector<RingSource>& sources);
  bool write_batch();
  void discard(const std::vector<RingSource>& sources);
  /// False: they are not written.
  bool write_unknown_ends(const std::vector<ConnectionId>& ids);
  void look_after_file();
  template <typename Work>
  bool attempt(const Work& work);
  void note_failure(const DatabaseError& error);
  void note_success(std::int64_t rows);

  const JournalOptions& options_;
  LogFile& log_;
  const SessionClock& clock_;
  Inbox& inbox_;
  Passes& passes_;
  JournalHealth& health_;
  FileCare& care_;
  Upkeep upkeep_;
  Batch batch_;
  Pace pace_;
  TimePoint retry_at_;           ///< nothing is written before
  std::size_t pass_events_ = 0;  ///< that the pass at hand, or the last one, has drained
  std::thread thread_;
};

}  // namespace wobble::daemon
