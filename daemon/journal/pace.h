// How much the journal may take on, so that what is not yet committed is never older than a bound.
//
// Three times add up between an event and its commit: what lies before it in the ring, the transaction that is being
// written when it comes, and the nap between two looks at the rings. The first two are kept in bounds here: from what
// the last transactions have cost follows how many events fit into one (kTransaction), and how many may wait in a ring
// (kWaiting). What comes beyond is refused by the ring, counted and told: an overloaded log has gaps that it tells of,
// instead of a tail that a kill takes with it unsaid.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "emulator/time.h"

namespace wobble::daemon {

/// Thread: the journal's.
class Pace {
 public:
  static constexpr Duration kTransaction = std::chrono::milliseconds(30);
  static constexpr Duration kWaiting = std::chrono::milliseconds(110);

  /// A transaction with so many events took so long, all in all. Small ones say little about the cost of an event.
  void wrote(std::size_t events, Duration took) noexcept {
    if (events < kTelling) return;
    const double seconds = std::chrono::duration<double>(took).count();
    const double kept = std::exp(-seconds / kMemory);
    events_ = events_ * kept + static_cast<double>(events);
    seconds_ = seconds_ * kept + seconds;
  }

  std::size_t events_per_transaction(std::size_t at_most) const noexcept {
    return std::clamp(in(kTransaction), std::min(kFewest, at_most), at_most);
  }
  /// In all rings together.
  std::size_t events_waiting(std::size_t at_most) const noexcept {
    return std::clamp(in(kWaiting), std::min(kFewestWaiting, at_most), at_most);
  }

 private:
  static constexpr std::size_t kTelling = 200;
  static constexpr std::size_t kFewest = 100;
  static constexpr std::size_t kFewestWaiting = 512;
  static constexpr double kMemory = 0.5;  ///< seconds of writing after which what was measured counts a third

  std::size_t in(Duration time) const noexcept {
    return static_cast<std::size_t>(std::chrono::duration<double>(time).count() * events_ / seconds_);
  }

  // A guess to begin with: 10 microseconds an event, forgotten soon.
  double events_ = 1000;
  double seconds_ = 0.01;
};

}  // namespace wobble::daemon
