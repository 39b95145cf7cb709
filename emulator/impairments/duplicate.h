// Which packets come twice.
#pragma once

#include "emulator/impairments/correlated_chance.h"

namespace wobble {

class Duplicate {
 public:
  Duplicate(std::uint64_t seed, Direction direction) noexcept : chance_(seed, direction, Stage::duplicate) {}

  /// As Memory's: to be called before configure().
  void reserve(const DuplicateSettings& s, std::uint32_t connections) {
    chance_.reserve(s.correlation, s.per, connections);
  }
  void configure(const DuplicateSettings& s) noexcept { chance_.configure(s.probability, s.correlation, s.per); }
  bool strikes(const FlowPosition& flow) noexcept { return chance_.strikes(flow); }

 private:
  CorrelatedChance chance_;
};

}  // namespace wobble
