#include "daemon/ways_in/heartbeat.h"

#include <sys/prctl.h>

#include <chrono>

namespace wobble::daemon {
namespace {

constexpr auto kEvery = std::chrono::milliseconds(25);

}  // namespace

Heartbeat::Heartbeat() : thread_([this] { run(); }) {}

Heartbeat::~Heartbeat() {
  {
    const LockGuard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Heartbeat::begin(ShareMap& share) {
  const LockGuard lock(mutex_);
  shares_.insert(&share);
  share.beat();
  changed_.notify_one();
}

void Heartbeat::end(ShareMap& share) noexcept {
  const LockGuard lock(mutex_);
  shares_.erase(&share);
  share.fall_silent();
}

void Heartbeat::run() {
  ::prctl(PR_SET_NAME, "wobble-beat");
  UniqueLock lock(mutex_);
  while (!stopping_) {
    for (ShareMap* share : shares_) share->beat();
    if (shares_.empty()) {
      changed_.wait(lock);
    } else {
      changed_.wait_for(lock, kEvery);
    }
  }
}

}  // namespace wobble::daemon
