// One thread that does small things at their times.
//
// Thread: at() from any; start and stop by the owner.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <thread>

#include "emulator/mutex.h"

namespace wobble::api {

class TimerThread {
 public:
  using Clock = std::chrono::steady_clock;

  TimerThread() = default;
  ~TimerThread() { stop(); }
  TimerThread(const TimerThread&) = delete;
  TimerThread& operator=(const TimerThread&) = delete;

  void start();
  /// Never early, unless the thread is stopped. `action` must be quick and must not throw. After stop() it is done at
  /// once, by the caller.
  void at(Clock::time_point when, std::function<void()> action);
  /// What is still to come is done now.
  void stop();

 private:
  void run();

  std::thread thread_;
  Mutex mutex_;
  std::condition_variable wake_;
  std::multimap<Clock::time_point, std::function<void()>> actions_ WOBBLE_GUARDED_BY(mutex_);
  bool stopping_ WOBBLE_GUARDED_BY(mutex_) = false;
};

}  // namespace wobble::api
