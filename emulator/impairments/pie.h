// PIE (RFC 8033): drops at random on arrival, with a probability that a controller brings up to date every `tupdate`
// from how long packets wait, and from how that has changed.
//
// As in the RFC's section 4, with ECN (5.1): alpha and beta scaled down while the probability is small (4.2), and no
// drop while the burst allowance lasts (4.4). The wait is measured with timestamps (4.3): that of the packet that left
// last, 0 with an empty queue. Of what section 5 offers, departure rates, switching off when idle, derandomisation and
// the cap on steps are left out. The probability is an integer, so that every machine draws the same.
#pragma once

#include "emulator/impairments/queue_discipline.h"

namespace wobble {

class PieQueue final : public Fifo {
 public:
  PieQueue(const QueueSettings& settings, TimePoint now) noexcept;

  OnArrival arrive(std::uint64_t number, std::uint32_t length, bool is_ecn_capable, TimePoint now) noexcept override;
  std::optional<Waiting> pop(TimePoint now, Drops& drops) noexcept override;

  /// The probability is in units of 10^-15.
  static constexpr std::int64_t kCertain = 1'000'000'000'000'000;
  std::int64_t probability() const noexcept { return probability_; }
  Duration burst_allowance() const noexcept { return burst_allowance_; }

 private:
  void advance(TimePoint now) noexcept;
  void update() noexcept;
  bool is_at_rest() const noexcept;

  Duration target_;
  Duration tupdate_;
  Duration max_burst_;
  std::int64_t alpha_;  ///< in millionths of a hertz
  std::int64_t beta_;
  bool ecn_;
  TimePoint next_update_;
  Duration burst_allowance_;
  Duration delay_{0};
  Duration delay_before_{0};  ///< at the last update
  std::int64_t probability_ = 0;
};

}  // namespace wobble
