// One lock for each link: changes of one link wait for each other, and never for those of another.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "api/backend.h"
#include "emulator/mutex.h"

namespace wobble::api {

/// Any thread.
class LinkLocks {
 public:
  /// Holds the link's lock while it lives.
  class Held {
   public:
    Held(std::shared_ptr<std::timed_mutex> mutex, std::chrono::nanoseconds at_most)
        : mutex_(std::move(mutex)), lock_(*mutex_, at_most) {}
    bool has_it() const noexcept { return lock_.owns_lock(); }

   private:
    std::shared_ptr<std::timed_mutex> mutex_;  // before the lock, which uses it to the end
    std::unique_lock<std::timed_mutex> lock_;
  };

  /// Waits 2 s at most, then throws Unavailable.
  Held lock(const std::string& link) {
    Held held(mutex_of(link), std::chrono::seconds(2));
    if (!held.has_it()) throw Unavailable("the link '" + link + "' is being changed by others; nothing was changed");
    return held;
  }

 private:
  std::shared_ptr<std::timed_mutex> mutex_of(const std::string& link) {
    const LockGuard lock(mutex_);
    std::erase_if(mutexes_, [](const auto& entry) { return entry.second.expired(); });
    std::weak_ptr<std::timed_mutex>& kept = mutexes_[link];
    std::shared_ptr<std::timed_mutex> mutex = kept.lock();
    if (!mutex) kept = mutex = std::make_shared<std::timed_mutex>();
    return mutex;
  }

  Mutex mutex_;
  std::map<std::string, std::weak_ptr<std::timed_mutex>> mutexes_ WOBBLE_GUARDED_BY(mutex_);
};

}  // namespace wobble::api
