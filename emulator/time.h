// Time in the emulator is an argument, never a reading: only the forwarder's loop looks at a clock.
#pragma once

#include <chrono>

namespace wobble {

/// A span of time, in whole nanoseconds.
using Duration = std::chrono::nanoseconds;

/// A moment on CLOCK_MONOTONIC, or in virtual time where no clock runs at all.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// "Nothing is due": later than every real moment.
inline constexpr TimePoint kNever = TimePoint::max();

}  // namespace wobble
