// Tells the programs of all ways in, forty times a second, that this process lives and runs: else they let
// traffic pass by it (divert_program.h). A thread of its own.
#pragma once

#include <condition_variable>
#include <set>
#include <thread>

#include "daemon/below_ip/share_map.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

class Heartbeat {
 public:
  Heartbeat();
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// Beats for `share` at once, and until end(), before which it must not go. Any thread.
  void begin(ShareMap& share);
  /// What comes afterwards passes. Harmless when it does not beat.
  void end(ShareMap& share) noexcept;

 private:
  void run();

  Mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ WOBBLE_GUARDED_BY(mutex_) = false;
  std::set<ShareMap*> shares_ WOBBLE_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace wobble::daemon
