// Moves what was committed from the write-ahead log into the database file, so that no commit ever waits for the disk.
//
// SQLite does this by itself within a COMMIT, with two fsyncs and some megabytes of writing: a tenth of a second on a
// slow disk, in which nothing is committed. Here a thread with a connection of its own does it beside the writer
// (PASSIVE: neither waits for the other). Under a load that never pauses, it never reaches the log's end, so the log
// would grow for ever; beyond kLongPages the writer therefore does the little that is left, between two transactions.
#pragma once

#include <atomic>
#include <condition_variable>
#include <string>
#include <thread>

#include "daemon/journal/database.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

class Checkpointer {
 public:
  static constexpr int kPages = 1000;        ///< in the log, when copying begins: 4 MB
  static constexpr int kLongPages = 16'000;  ///< when the writer helps: 64 MB

  /// `writer` must outlive this. Throws DatabaseError.
  Checkpointer(Database& writer, const std::string& file);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// The writer's thread, between two transactions.
  void help_if_long() noexcept;

 private:
  static int on_commit(void* self, sqlite3* writer, const char* name, int pages);
  void run();

  Database& writer_;
  Database own_;
  std::atomic<int> pages_{0};      ///< in the log, after the last commit
  std::atomic<int> left_over_{0};  ///< of them, what the last copying did not reach
  Mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ WOBBLE_GUARDED_BY(mutex_) = false;
  bool stopping_ WOBBLE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace wobble::daemon
