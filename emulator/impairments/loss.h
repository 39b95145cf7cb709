// Which packets never arrive.
#pragma once

#include "emulator/impairments/correlated_chance.h"

namespace wobble {

/// Random loss belongs to the flow: its k-th packet always meets the same fate. Every other model belongs to the link,
/// since a burst hits whoever is on the air: its state moves with every packet of the direction that reaches it.
class Loss {
 public:
  Loss(std::uint64_t seed, Direction direction) noexcept;

  /// A changed model starts anew (Gilbert-Elliott and Markov with a packet that is received before they move, burst in
  /// its stationary state); the numbers it draws go on, so that none is used twice.
  void configure(const LossSettings& settings);
  /// A duplicate behind the bottleneck has a chance of its own.
  bool loses(const FlowPosition& flow, bool is_copy = false) noexcept;

 private:
  /// MarkovLoss's states, by their numbers there.
  enum class MarkovState : std::uint8_t { received_in_gap = 1, received_in_burst, lost_in_burst, lost_in_gap };

  bool loses_by_gilbert_elliott(const GilbertElliott& model) noexcept;
  bool loses_by_markov(const MarkovLoss& model) noexcept;
  bool loses_by_number() noexcept;

  LossSettings settings_;
  CorrelatedChance random_;
  RandomStream link_transitions_;
  RandomStream link_losses_;
  std::uint64_t link_packet_ = 0;  ///< numbers used of the two streams
  TwoStateChain burst_;
  bool is_bad_ = false;
  MarkovState markov_state_ = MarkovState::received_in_gap;
  std::uint64_t counted_ = 0;  ///< packets since the model was set, for every, list and pattern
  std::size_t listed_ = 0;     ///< how many of the list are behind us
};

}  // namespace wobble
