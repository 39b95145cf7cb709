#include "emulator/impairments/loss.h"

namespace wobble {

Loss::Loss(std::uint64_t seed, Direction direction) noexcept
    : chance_(seed, direction, Stage::loss),
      link_transitions_(stream_for(seed, static_cast<std::uint8_t>(direction), Stage::loss_state, 0)),
      link_losses_(stream_for(seed, static_cast<std::uint8_t>(direction), Stage::loss, 0)) {}

void Loss::configure(const LossSettings& settings) noexcept {
  if (settings.gilbert_elliott != settings_.gilbert_elliott) is_bad_ = false;
  settings_ = settings;
}

bool Loss::loses(const FlowPosition& flow) noexcept {
  if (settings_.gilbert_elliott) return loses_by_gilbert_elliott(*settings_.gilbert_elliott);
  return chance_.strikes(flow, settings_.random);
}

bool Loss::loses_by_gilbert_elliott(const GilbertElliott& model) noexcept {
  const std::uint64_t k = link_packet_++;
  if (is_hit(link_transitions_.at(k), is_bad_ ? model.r : model.p)) is_bad_ = !is_bad_;
  return is_hit(link_losses_.at(k), is_bad_ ? model.bad_loss : model.good_loss);
}

}  // namespace wobble
