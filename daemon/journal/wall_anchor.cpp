#include "daemon/journal/wall_anchor.h"

#include <time.h>

#include <algorithm>

namespace wobble::daemon {
namespace {

Duration read(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

constexpr Duration kLeastStep = std::chrono::milliseconds(1);

}  // namespace

ClockReading read_clocks() { return {read(CLOCK_REALTIME), TimePoint(read(CLOCK_MONOTONIC)), read(CLOCK_BOOTTIME)}; }

WallAnchor::WallAnchor(Clocks clocks) : clocks_(std::move(clocks)), known_(measure()) {
  spans_[0].offset = known_.wall.count();
}

/// Reads all clocks several times, and keeps the readings that took the shortest.
WallAnchor::Offsets WallAnchor::measure() const {
  Offsets best;
  best.error = Duration::max();
  for (int i = 0; i < 8; ++i) {
    const TimePoint before = clocks_().monotonic;
    const ClockReading reading = clocks_();
    const TimePoint after = clocks_().monotonic;
    if (after - before >= best.error) continue;
    const Duration middle = (before + (after - before) / 2).time_since_epoch();
    best = {reading.wall - middle, reading.boot - middle, after - before, after};
  }
  return best;
}

api::WallTime WallAnchor::at(TimePoint moment) const noexcept {
  const std::int64_t time = moment.time_since_epoch().count();
  const std::uint64_t latest = latest_.load(std::memory_order_acquire);
  const std::uint64_t oldest = latest < kMostSpans ? 0 : latest - (kMostSpans - 1);
  std::uint64_t n = latest;
  while (n > oldest && spans_[n % kMostSpans].from.load(std::memory_order_relaxed) > time) --n;
  return time + spans_[n % kMostSpans].offset.load(std::memory_order_relaxed);
}

std::optional<ClockStep> WallAnchor::look() {
  const Offsets present = measure();
  const Duration least = std::max(kLeastStep, 2 * (present.error + known_.error));
  ClockStep step{present.at, present.wall - known_.wall, present.boot - known_.boot};
  if (std::chrono::abs(step.by) < least) step.by = Duration(0);
  if (step.slept < least) step.slept = Duration(0);
  if (step.by == Duration(0) && step.slept == Duration(0)) return std::nullopt;
  known_ = present;
  const std::uint64_t next = latest_.load(std::memory_order_relaxed) + 1;
  Span& span = spans_[next % kMostSpans];
  span.from.store(present.at.time_since_epoch().count(), std::memory_order_relaxed);
  span.offset.store(present.wall.count(), std::memory_order_relaxed);
  latest_.store(next, std::memory_order_release);
  return step;
}

}  // namespace wobble::daemon
