// When to look for connections whose end the log has missed. After events were lost, and again for some minutes: a
// connection whose end was told and lost may stay in its link's table until its time is over.
#pragma once

#include <chrono>
#include <cstdint>

#include "emulator/time.h"

namespace wobble::daemon {

/// Pure: time is an argument. One thread.
class LostEnds {
 public:
  static constexpr Duration kBetweenLooks = std::chrono::seconds(10);
  static constexpr Duration kLooksFor = std::chrono::minutes(5);

  /// `lost`: events that were lost since the daemon began. True if it is time to look.
  bool is_due(TimePoint now, std::uint64_t lost) {
    if (lost != lost_) {
      if (now >= until_) next_ = now + std::chrono::seconds(1);  // else one look is coming anyway
      lost_ = lost;
      until_ = now + kLooksFor;
    }
    if (now >= until_ || now < next_) return false;
    next_ = now + kBetweenLooks;
    return true;
  }

 private:
  std::uint64_t lost_ = 0;
  TimePoint next_{};
  TimePoint until_{};
};

}  // namespace wobble::daemon
