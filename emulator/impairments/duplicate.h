// Which packets come twice.
#pragma once

#include "emulator/impairments/chance.h"

namespace wobble {

class Duplicate {
 public:
  Duplicate(std::uint64_t seed, Direction direction) noexcept : chance_(seed, direction, Stage::duplicate) {}

  void configure(const DuplicateSettings& settings) noexcept { settings_ = settings; }
  bool strikes(const FlowPosition& flow) const noexcept { return chance_.strikes(flow, settings_.probability); }

 private:
  DuplicateSettings settings_;
  Chance chance_;
};

}  // namespace wobble
