// Sees four times a second what has changed without anybody's asking, and has it attended to: a way in whose target is
// gone, or that does not carry; memory that is not needed any more; connections whose end the log has missed.
#pragma once

#include <condition_variable>
#include <stop_token>
#include <thread>

#include "daemon/journal/journal.h"
#include "daemon/service/freed_memory.h"
#include "daemon/service/link_lifecycle.h"
#include "daemon/service/link_registry.h"
#include "daemon/service/live_connections.h"
#include "daemon/service/lost_ends.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

/// A thread of its own, as long as it lives.
class Watcher {
 public:
  /// All of them outlive this. Throws std::system_error if there is no thread to be had.
  Watcher(const LinkRegistry& links, LinkLifecycle& lifecycle, LiveConnections& connections, const Journal& journal,
          const MemoryBudget& memory);

 private:
  void run(const std::stop_token& stop);
  void look();
  void release_unused_memory();

  const LinkRegistry& links_;
  LinkLifecycle& lifecycle_;
  LiveConnections& connections_;
  const Journal& journal_;
  // The thread's own.
  FreedMemory freed_;
  LostEnds lost_ends_;
  Mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;  // last: everything else stands when it starts
};

}  // namespace wobble::daemon
