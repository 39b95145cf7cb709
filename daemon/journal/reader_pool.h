// A few read-only connections to the journal's file, shared by whoever asks: each question has one of them, in a bound
// of time, and is given up when whoever asked has gone or the daemon is to end.
//
// Thread: any, but for what is said otherwise.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/database.h"
#include "emulator/mutex.h"
#include "emulator/time.h"

namespace wobble::daemon {

class ReaderPool {
 public:
  using Connections = std::vector<std::unique_ptr<Database>>;

  /// Throws DatabaseError if the file cannot be opened. `time_limit`: of a question, waiting for a connection included;
  /// 0: none.
  ReaderPool(const std::string& file, std::size_t connections, Duration time_limit,
             Database::Mode mode = Database::Mode::read_only);

  /// Ends the questions under way within some milliseconds, and refuses new ones, each with Unavailable(why).
  void stop(const std::string& why);
  /// After stop(): waits until no question is under way, and closes the connections.
  void close();
  /// Opens them anew; questions are answered again. Throws DatabaseError, and then stays closed.
  void open();
  /// As stop(), for good.
  void end(const std::string& why);

  class Lease;

 private:
  const std::string file_;
  const std::size_t size_;
  const Duration time_limit_;
  const Database::Mode mode_;
  Mutex mutex_;
  std::condition_variable returned_;
  Connections idle_ WOBBLE_GUARDED_BY(mutex_);
  std::size_t taken_ WOBBLE_GUARDED_BY(mutex_) = 0;
  std::string why_ WOBBLE_GUARDED_BY(mutex_);
  bool ended_ WOBBLE_GUARDED_BY(mutex_) = false;
  std::atomic<bool> stopped_{false};
};

/// One connection for one question, on the thread that asks.
class ReaderPool::Lease {
 public:
  /// Waits for a connection. Throws Unavailable if there is none in time, if whoever asked has gone meanwhile, or while
  /// the pool is stopped.
  Lease(ReaderPool& pool, const api::IsGone& gone);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  Database& operator*() { return *database_; }
  /// What to throw when SQLite was interrupted: why the question was given up.
  api::Unavailable given_up() const;

 private:
  static int look(void* self);
  bool is_over();
  bool has_gone();

  ReaderPool& pool_;
  const api::IsGone& gone_;
  const TimePoint until_;
  TimePoint ask_gone_at_{};
  bool gone_was_told_ = false;
  std::unique_ptr<Database> database_;
};

}  // namespace wobble::daemon
