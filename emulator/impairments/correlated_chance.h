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
#include "emulator/impairments/memory.h"

namespace wobble {

class TwoStateChain {
 public:
  enum class State : std::uint8_t { fresh, no, yes };

  TwoStateChain() = default;
  TwoStateChain(Ratio mean, Ratio after_yes, Ratio after_no) noexcept
      : mean_(mean), after_yes_(after_yes), after_no_(after_no) {}

  static TwoStateChain correlated(Probability p, Probability correlation) noexcept {
    constexpr std::uint64_t kOne = Probability::kOne;
    const std::uint64_t yes = p.parts_per_billion, like = correlation.parts_per_billion;
    return {{yes, kOne}, {yes * kOne + like * (kOne - yes), kOne * kOne}, {yes * (kOne - like), kOne * kOne}};
  }

  bool next(State& state, std::uint64_t number) const noexcept {
    const bool yes = is_hit(number, state == State::fresh ? mean_ : state == State::yes ? after_yes_ : after_no_);
    state = yes ? State::yes : State::no;
    return yes;
  }

 private:
  Ratio mean_;
  Ratio after_yes_;
  Ratio after_no_;
};

/// One stage's chance, with or without correlation. Without, it belongs to the flow, whose k-th packet always meets the
/// same fate; with, to the link (whoever sends the next packet meets what resembles the last one's fate) or to the
/// connection.
class CorrelatedChance {
 public:
  CorrelatedChance(std::uint64_t seed, Direction direction, Stage stage) noexcept : chance_(seed, direction, stage) {}

  /// As Memory's: to be called before configure().
  void reserve(Probability correlation, Scope per, std::uint32_t connections) {
    if (!correlation.is_zero()) memory_.reserve(per, connections);
  }
  /// Both below or equal to 1, the correlation below. A change forgets what was before; the numbers drawn go on, so
  /// that none is used twice.
  void configure(Probability p, Probability correlation, Scope per) noexcept {
    if (p == p_ && correlation == correlation_ && per == per_) return;
    p_ = p;
    correlation_ = correlation;
    per_ = per;
    chain_ = TwoStateChain::correlated(p, correlation);
    memory_.configure(per);
  }

  bool strikes(const FlowPosition& flow, bool is_copy = false) noexcept {
    if (p_.is_zero()) return false;
    return correlation_.is_zero() ? chance_.strikes(flow, p_, is_copy) : strikes_again(flow, is_copy);
  }

 private:
  bool strikes_again(const FlowPosition& flow, bool is_copy) noexcept {
    const auto turn = memory_.next(flow);
    return chain_.next(turn.state, chance_.number_for(turn.position, is_copy));
  }

  Chance chance_;
  Probability p_;
  Probability correlation_;
  Scope per_ = Scope::link;
  TwoStateChain chain_;
  Memory<TwoStateChain::State> memory_;
};

}  // namespace wobble
