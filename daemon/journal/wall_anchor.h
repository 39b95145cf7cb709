// From the data path's monotonic clock to the wall's.
#pragma once

#include <chrono>

#include "api/backend.h"

namespace wobble::daemon {

/// Taken once at start: later steps of the system's clock do not reorder the log.
class WallAnchor {
 public:
  /// Reads both clocks, several times, and keeps the closest pair of readings.
  static WallAnchor now() {
    WallAnchor best;
    Duration closest = Duration::max();
    for (int i = 0; i < 8; ++i) {
      const TimePoint before = std::chrono::steady_clock::now();
      const Duration wall = std::chrono::system_clock::now().time_since_epoch();
      const TimePoint after = std::chrono::steady_clock::now();
      if (after - before >= closest) continue;
      closest = after - before;
      best.offset_ = wall - (before + closest / 2).time_since_epoch();
    }
    return best;
  }

  api::WallTime at(TimePoint moment) const noexcept { return (moment.time_since_epoch() + offset_).count(); }

 private:
  Duration offset_{0};
};

}  // namespace wobble::daemon
