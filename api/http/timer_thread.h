// One thread that does small things at their times.
//
// Thread: at() from any; start and stop by the owner.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

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
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::multimap<Clock::time_point, std::function<void()>> actions_;
  bool stopping_ = false;
};

}  // namespace wobble::api
