#include "api/http/timer_thread.h"

#include <utility>

namespace wobble::api {

void TimerThread::start() {
  thread_ = std::thread([this] { run(); });
}

void TimerThread::at(Clock::time_point when, std::function<void()> action) {
  {
    const LockGuard lock(mutex_);
    if (!stopping_) {
      const bool is_next = actions_.empty() || when < actions_.begin()->first;
      actions_.emplace(when, std::move(action));
      if (is_next) wake_.notify_one();
      return;
    }
  }
  action();
}

void TimerThread::stop() {
  {
    const LockGuard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void TimerThread::run() {
  UniqueLock lock(mutex_);
  for (;;) {
    if (actions_.empty()) {
      if (stopping_) return;
      wake_.wait(lock);
      continue;
    }
    const auto next = actions_.begin();
    if (!stopping_ && next->first > Clock::now()) {
      wake_.wait_until(lock, next->first);
      continue;
    }
    const std::function<void()> action = std::move(next->second);
    actions_.erase(next);
    lock.unlock();
    action();
    lock.lock();
  }
}

}  // namespace wobble::api
