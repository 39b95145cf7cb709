// Which packets are moved back, and how far.
#pragma once

#include "emulator/impairments/correlated_chance.h"

namespace wobble {

class Reorder {
 public:
  Reorder(std::uint64_t seed, Direction direction) noexcept
      : chance_(seed, direction, Stage::reorder), candidate_(seed, direction, Stage::reorder) {}

  /// As Memory's: to be called before configure().
  void reserve(const ReorderSettings& settings, std::uint32_t connections) {
    chance_.reserve(settings.correlation, settings.per, connections);
    if (settings.gap >= 2) memory_.reserve(settings.per, connections);
  }
  void configure(const ReorderSettings& settings) noexcept {
    if (settings == settings_) return;
    settings_ = settings;
    chance_.configure(settings.probability, settings.correlation, settings.per);
    chain_ = TwoStateChain::correlated(settings.probability, settings.correlation);
    memory_.configure(settings.per);
  }

  bool strikes(const FlowPosition& flow) noexcept {
    if (settings_.gap < 2) return chance_.strikes(flow);
    if (settings_.probability.is_zero()) return false;
    const auto turn = memory_.next(flow);
    Gap& gap = turn.state;
    if (gap.passed + 1 < settings_.gap) {
      ++gap.passed;
      return false;
    }
    const bool is_moved = chain_.next(gap.chain, candidate_.number_for(turn.position));
    if (is_moved) gap.passed = 0;
    return is_moved;
  }

  std::uint32_t by_packets() const noexcept { return settings_.by_packets; }
  Duration by_time() const noexcept { return settings_.by_time; }

 private:
  struct Gap {
    std::uint32_t passed = 0;  ///< since the last one that was moved
    TwoStateChain::State chain = TwoStateChain::State::fresh;
  };

  ReorderSettings settings_;
  CorrelatedChance chance_;
  Chance candidate_;
  TwoStateChain chain_;  ///< of the candidates
  Memory<Gap> memory_;
};

}  // namespace wobble
