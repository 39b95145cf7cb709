// The bottleneck's transmitter: one packet after the other, at a rate or by the opportunities of a trace.
//
// A rate is a token bucket (as tbf's) of `burst` bytes. With none it is plain serialisation: a packet leaves when its
// last bit is sent. An idle link saves up to `burst`, and sends so much at once. (tbf drops a packet larger than its
// bucket; here it takes the time of what the bucket lacks.)
//
// Exactness: transmitting L bytes takes 8 L / rate seconds, which is rarely a whole number of nanoseconds. The moment
// at which everything sent is paid for is therefore kept as nanoseconds and a remainder in units of 1/rate ns, so that
// a busy link does not drift however long it is busy. A departure is rounded up: never early, late by less than 1 ns.
#pragma once

#include <cstdint>

#include "emulator/conditions/conditions.h"
#include "emulator/impairments/delivery_trace.h"

namespace wobble {

class Transmitter {
 public:
  /// What was sent keeps its departure, and the transmitter stays busy until then: new settings hold for what comes
  /// after. A trace that is not the one before starts at `now`.
  void configure(const RateSettings& rate, const TraceSettings& trace, TimePoint now) noexcept;

  /// False: packets pass at once.
  bool is_limited() const noexcept { return rate_.bits_per_second > 0 || trace_.is_running(); }

  /// When the transmission of the next packet begins, if it has waited since `since` (or others before it have, without
  /// a pause).
  TimePoint next_start(TimePoint since) const noexcept;
  /// Sends it: its departure.
  TimePoint transmit(std::uint32_t length, TimePoint since) noexcept;

  /// Bytes that an IP packet of `length` takes on the line, with overhead and cells.
  std::uint64_t line_bytes(std::uint32_t length) const noexcept;
  /// How long so many bytes on the line take; with a trace, on average.
  Duration time_for(std::uint64_t line_bytes) const noexcept;

  /// Everything sent is forgotten: the transmitter is free.
  void forget() noexcept;

 private:
  TimePoint transmit_at_rate(std::uint32_t length, TimePoint since) noexcept;

  RateSettings rate_;
  Duration credit_{0};             ///< what an idle link saves, rounded up
  std::uint64_t credit_rest_ = 0;  ///< how much less it is, in units of 1/rate ns
  DeliveryTrace trace_;
  TimePoint busy_until_ = TimePoint::min();       ///< the last departure
  TimePoint trace_free_from_ = TimePoint::min();  ///< what was sent before the trace took over
  TimePoint paid_ = TimePoint::min();             ///< rounded down
  std::uint64_t remainder_ = 0;                   ///< in units of 1/rate ns; below rate
};

}  // namespace wobble
