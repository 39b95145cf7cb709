// After large requests memory goes back to the system. By itself the C library keeps what they have used, for others as
// large; but we are a small part of somebody's machine.
#pragma once

#include <malloc.h>

#include <atomic>
#include <chrono>

#include "api/http/timer_thread.h"

namespace wobble::api {

/// Thread: any. Must outlive `timers`' last call.
class MemoryReturn {
 public:
  explicit MemoryReturn(TimerThread& timers) : timers_(timers) {}

  /// Once for all that is asked within half a second.
  void soon() {
    if (is_due_.exchange(true)) return;
    timers_.at(std::chrono::steady_clock::now() + std::chrono::milliseconds(500), [this] {
      is_due_ = false;
      ::malloc_trim(0);
    });
  }

 private:
  TimerThread& timers_;
  std::atomic<bool> is_due_{false};
};

}  // namespace wobble::api
