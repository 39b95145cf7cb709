// From the data path's monotonic clock to the wall's, also over a step: the system's clock was set, or the machine
// slept (which the monotonic clock does not count). A moment before a step keeps the time of the clock of then.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "api/backend.h"

namespace wobble::daemon {

/// The system's clocks at one moment.
struct ClockReading {
  Duration wall;
  TimePoint monotonic;
  Duration boot;  ///< as monotonic, but counts the time in which the machine slept
};
ClockReading read_clocks();

/// What happened to the clock.
struct ClockStep {
  TimePoint at;       ///< when it was noticed
  Duration by{0};     ///< so much later the wall's clock is than it would have been; negative: earlier
  Duration slept{0};  ///< so long the machine slept
};

/// Any thread may ask; one at a time may look for steps.
class WallAnchor {
 public:
  using Clocks = std::function<ClockReading()>;

  explicit WallAnchor(Clocks clocks = read_clocks);
  static WallAnchor now() { return WallAnchor(read_clocks); }
  WallAnchor(const WallAnchor&) = delete;
  WallAnchor& operator=(const WallAnchor&) = delete;

  api::WallTime at(TimePoint moment) const noexcept;

  /// Compares the clocks; if there was a step, moments from now on have the new time. What is below a millisecond, or
  /// below what two readings can tell, is none.
  std::optional<ClockStep> look();

 private:
  /// The wall's and the boot's clock above the monotonic one, from some moment on.
  struct Offsets {
    Duration wall{0};
    Duration boot{0};
    Duration error{0};  ///< of both, at most
    TimePoint at;
  };
  struct Span {
    std::atomic<std::int64_t> from{0};
    std::atomic<std::int64_t> offset{0};
  };
  Offsets measure() const;

  /// The latest are kept: a moment before the oldest of them has the time of that.
  static constexpr std::size_t kMostSpans = 64;
  const Clocks clocks_;
  std::array<Span, kMostSpans> spans_;
  std::atomic<std::uint64_t> latest_{0};  ///< counts; its place is the remainder
  Offsets known_;                         ///< of whoever looks
};

}  // namespace wobble::daemon
