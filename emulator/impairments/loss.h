// Which packets never arrive.
#pragma once

#include "emulator/impairments/chance.h"

namespace wobble {

/// Random loss belongs to the flow: its k-th packet always meets the same fate. Gilbert-Elliott belongs to the link,
/// since a burst hits whoever is on the air: its state moves with every packet of the direction that reaches it.
class Loss {
 public:
  Loss(std::uint64_t seed, Direction direction) noexcept;

  /// A changed model starts in the good state; the numbers it draws go on, so that none is used twice.
  void configure(const LossSettings& settings) noexcept;
  bool loses(const FlowPosition& flow) noexcept;

 private:
  bool loses_by_gilbert_elliott(const GilbertElliott& model) noexcept;

  LossSettings settings_;
  Chance chance_;
  RandomStream link_transitions_;
  RandomStream link_losses_;
  std::uint64_t link_packet_ = 0;
  bool is_bad_ = false;
};

}  // namespace wobble
