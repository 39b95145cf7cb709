#include "daemon/journal/session_clock.h"

#include <utility>

namespace wobble::daemon {

namespace {

constexpr std::size_t kMostEpochs = 64;

}  // namespace

SessionClock::SessionClock(WallAnchor::Clocks clocks)
    : anchor_(std::move(clocks)), age_(std::chrono::steady_clock::now(), now()) {}

api::WallTime SessionClock::now() const noexcept { return anchor_.at(std::chrono::steady_clock::now()); }

LogMoment SessionClock::moment_ago(Duration ago) const {
  const TimePoint moment = std::chrono::steady_clock::now() - ago;
  LogMoment out{anchor_.at(moment)};
  const LockGuard lock(mutex_);
  for (const Epoch& epoch : epochs_) {
    if (epoch.from <= moment) out.from = epoch.first;
    if (epoch.from > moment) {
      out.behind = epoch.first;
      break;
    }
  }
  return out;
}

api::WallTime SessionClock::now_for_ages() const {
  const TimePoint time = std::chrono::steady_clock::now();
  const LockGuard lock(mutex_);
  return age_.now(time, anchor_.at(time));
}

void SessionClock::begin_ages(api::WallTime newest) {
  const LockGuard lock(mutex_);
  age_ = AgeClock(std::chrono::steady_clock::now(), newest);
}

void SessionClock::stepped(const ClockStep& step, ConnectionId next) {
  const LockGuard lock(mutex_);
  if (epochs_.size() >= kMostEpochs) epochs_.erase(epochs_.begin());
  epochs_.push_back({step.at, next});
  age_.stepped(step, anchor_.at(step.at - Duration(1)));
}

}  // namespace wobble::daemon
