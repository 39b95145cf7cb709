// The link's transmitter and the buffer before it: one packet at a time, at `rate`, first come first served, drop-tail.
//
// Exactness: transmitting L bytes takes 8 L / rate seconds, which is rarely a whole number of nanoseconds. The end of
// the transmission is therefore kept as nanoseconds and a remainder in units of 1/rate ns, so that a busy link does not
// drift however long it is busy. A packet's departure is that end rounded up: never early, late by less than 1 ns.
#pragma once

#include "emulator/conditions.h"
#include "emulator/fate.h"
#include "emulator/ring.h"

namespace wobble {

class Bottleneck {
 public:
  /// Rate 0: no bottleneck, packets pass at once. What is queued keeps its departure, and the transmitter stays busy
  /// until then: the new rate holds for what comes after.
  void configure(std::uint64_t rate, const QueueSettings& queue) noexcept;

  /// Takes a packet of `length` bytes that arrives at `now`, which never decreases. DropReason::none: it leaves at
  /// `departure`. Otherwise queue (full), or memory.
  DropReason admit(std::uint32_t length, TimePoint now, TimePoint& departure) noexcept;

  void forget_backlog() noexcept;

 private:
  struct Queued {
    TimePoint departure;
    std::uint32_t length = 0;
  };
  bool has_room(std::uint32_t length, TimePoint now) const noexcept;

  std::uint64_t rate_ = 0;
  QueueSettings limits_;
  std::uint64_t default_limit_bytes_ = 0;
  TimePoint free_at_ = TimePoint::min();  ///< rounded down
  std::uint64_t remainder_ = 0;           ///< in units of 1/rate ns; below rate
  Ring<Queued> queue_;                    ///< those whose last bit is not sent, the one in transmission included
  std::uint64_t queued_bytes_ = 0;
};

}  // namespace wobble
