// A mutex for work that takes long, and may hang.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>

#include "emulator/mutex.h"

namespace wobble::daemon {

class WOBBLE_CAPABILITY("mutex") PatientMutex {
 public:
  static constexpr std::chrono::seconds kPatience{5};
  static constexpr int kMostWaiting = 16;

  /// Waits as long as it takes.
  void lock() WOBBLE_ACQUIRE();
  void unlock() WOBBLE_RELEASE();

  /// For one who holds up somebody else while it waits: throws api::Unavailable, with the reason, as soon as the one
  /// that has the lock has had it for kPatience, after twice that in any case, and at once if kMostWaiting wait like
  /// it.
  void lock_or_refuse() WOBBLE_ACQUIRE();
  /// As Mutex::assert_held().
  void assert_held() const WOBBLE_ASSERTS() {}

 private:
  using Clock = std::chrono::steady_clock;

  void note_the_time() { held_since_ = Clock::now().time_since_epoch().count(); }

  std::timed_mutex mutex_;
  std::atomic<Clock::rep> held_since_ = 0;
  std::atomic<int> waiting_ = 0;
};

}  // namespace wobble::daemon
