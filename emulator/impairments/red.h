// Random early detection (S. Floyd, V. Jacobson: Random Early Detection Gateways for Congestion Avoidance, IEEE/ACM
// Transactions on Networking 1(4), 1993), with the parameters of tc-red: the longer the queue has been on average, the
// likelier an arriving packet is dropped, and the drops come evenly spread.
//
//   avg   ← avg + w (bytes that wait − avg)            for each packet that arrives at a queue that is not empty
//   avg   ← avg (1 − w)^m                              after an idle time in which m packets of avpkt could have left
//   p_b   = probability (avg − min) / (max − min)      p_a = p_b / (1 − count p_b)
//
// count: packets since the last drop. Below `min` nobody is dropped, at `max` everybody; or, if it is `gentle` (S.
// Floyd: Recommendation on using the "gentle_" variant of RED, 2000), from there to twice `max` the chance rises to 1:
//
//   p_b   = probability + (1 − probability) (avg − max) / max
//
// w is the power of two that tc
// chooses for its default burst, (2 min + max) / (3 avpkt). Everything in integers, the same on every machine.
#pragma once

#include "emulator/impairments/queue_discipline.h"

namespace wobble {

class RedQueue final : public Fifo {
 public:
  RedQueue(const QueueSettings& settings, const Surroundings& around) noexcept;

  OnArrival arrive(std::uint64_t number, std::uint32_t length, bool is_ecn_capable, TimePoint now) noexcept override;
  std::optional<Waiting> pop(TimePoint now, Drops& drops) noexcept override;

  /// Average bytes that wait, in units of 2^-16.
  std::uint64_t average() const noexcept { return average_; }
  /// w is 2 to the power of minus this.
  unsigned weight_exponent() const noexcept { return weight_; }

 private:
  void update_average(TimePoint now) noexcept;
  bool chooses(std::uint64_t number) noexcept;
  /// p_b between min and where everybody is dropped, in parts of kOne.
  std::uint64_t share() const noexcept;

  std::uint64_t min_;
  std::uint64_t max_;
  Probability probability_;
  std::uint64_t idle_packet_ns_;  ///< how long a packet of avpkt takes
  unsigned weight_ = 1;
  bool ecn_;
  bool gentle_;
  std::uint64_t average_ = 0;
  std::int64_t count_ = -1;  ///< -1: below min
  TimePoint idle_since_ = TimePoint::min();
};

}  // namespace wobble
