// Chance with a memory: a yes or no for each packet that resembles the one before it.
//
// Averaging each draw with the last, as netem does, changes how often something happens: asked for 10 % with a
// correlation of 25 %, it gives 1.8 %. A chain of two states does not. With a mean of p and a correlation of c,
//
//   P(yes | yes before) = p + c (1 - p)        P(yes | no before) = p (1 - c)
//
// whose mean is exactly p and whose lag-k correlation is exactly c^k. It starts in its stationary state, so that this
// holds from the first packet on.
#pragma once

#include "emulator/impairments/chance.h"

namespace wobble {

class TwoStateChain {
 public:
  TwoStateChain() = default;
  TwoStateChain(Ratio mean, Ratio after_yes, Ratio after_no) noexcept
      : after_no_(after_no), after_yes_(after_yes), next_(mean) {}

  static TwoStateChain correlated(Probability p, Probability correlation) noexcept {
    constexpr std::uint64_t kOne = Probability::kOne;
    const std::uint64_t yes = p.parts_per_billion, like = correlation.parts_per_billion;
    return {{yes, kOne}, {yes * kOne + like * (kOne - yes), kOne * kOne}, {yes * (kOne - like), kOne * kOne}};
  }

  bool next(std::uint64_t number) noexcept {
    const bool yes = is_hit(number, next_);
    next_ = yes ? after_yes_ : after_no_;
    return yes;
  }

 private:
  Ratio after_no_;
  Ratio after_yes_;
  Ratio next_;
};

/// One stage's chance, with or without correlation. Without, it belongs to the flow, whose k-th packet always meets the
/// same fate; with, to the link: whoever sends the next packet meets what resembles the last one's fate.
class CorrelatedChance {
 public:
  CorrelatedChance(std::uint64_t seed, Direction direction, Stage stage) noexcept
      : by_flow_(seed, direction, stage), by_link_(stream_for(seed, static_cast<std::uint8_t>(direction), stage, 0)) {}

  /// Both below or equal to 1, the correlation below. A change forgets what was before; the numbers drawn go on, so
  /// that none is used twice.
  void configure(Probability p, Probability correlation) noexcept {
    if (p == p_ && correlation == correlation_) return;
    p_ = p;
    correlation_ = correlation;
    chain_ = TwoStateChain::correlated(p, correlation);
  }

  bool strikes(const FlowPosition& flow, bool is_copy = false) noexcept {
    if (correlation_.is_zero()) return by_flow_.strikes(flow, p_, is_copy);
    return chain_.next(by_link_.at(link_packet_++));
  }

 private:
  Chance by_flow_;
  RandomStream by_link_;
  std::uint64_t link_packet_ = 0;
  Probability p_;
  Probability correlation_;
  TwoStateChain chain_;
};

}  // namespace wobble
