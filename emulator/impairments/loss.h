// Which packets never arrive; with ecn, which are chosen, to be marked where they can be.
#pragma once

#include "emulator/impairments/correlated_chance.h"
#include "emulator/statistics/link_stats.h"

namespace wobble {

/// Random loss belongs to the flow: its k-th packet always meets the same fate. Every other model has a memory, of the
/// link by default, since a burst hits whoever is on the air: its state moves with every packet that reaches it.
class Loss {
 public:
  Loss(std::uint64_t seed, Direction direction) noexcept;

  /// As Memory's: to be called before configure().
  void reserve(const LossSettings& settings, std::uint32_t connections) {
    random_.reserve(settings.correlation, settings.per, connections);
    memory_.reserve(settings.per, connections);
  }
  /// A changed model starts anew (Gilbert-Elliott and Markov with a packet that is received before they move, burst in
  /// its stationary state); the numbers it draws go on, so that none is used twice.
  void configure(LossSettings settings) noexcept;
  /// A duplicate behind the bottleneck has a chance of its own.
  bool loses(const FlowPosition& flow, bool is_copy = false) noexcept;
  /// Where there is at most random loss without correlation: how many of the next `n` packets of the flow, behind one
  /// that was not lost, come before one that is.
  std::uint32_t spared_behind(FlowPosition flow, std::uint32_t n) noexcept;
  /// Of all that it has judged.
  const LossRuns& runs() const noexcept { return runs_; }

 private:
  /// MarkovLoss's states, by their numbers there.
  enum class MarkovState : std::uint8_t { received_in_gap = 1, received_in_burst, lost_in_burst, lost_in_gap };

  struct State {
    std::uint64_t counted = 0;  ///< packets since the model was set, for every, list and pattern
    TwoStateChain::State burst = TwoStateChain::State::fresh;
    MarkovState markov = MarkovState::received_in_gap;
    bool is_bad = false;
    bool was_lost = false;
  };

  bool draws(const FlowPosition& flow, bool is_copy) noexcept;

  bool loses_by_gilbert_elliott(const GilbertElliott& model, State& state, const FlowPosition& position,
                                bool is_copy) const noexcept;
  static bool loses_by_markov(const MarkovLoss& model, MarkovState& state, std::uint64_t number) noexcept;
  bool loses_by_number(std::uint64_t& counted) const noexcept;

  LossSettings settings_;
  CorrelatedChance random_;
  Chance transitions_;
  Chance losses_;
  TwoStateChain burst_;
  Memory<State> memory_;
  bool is_on_ = false;
  bool was_lost_ = false;
  LossRuns runs_;
};

}  // namespace wobble
