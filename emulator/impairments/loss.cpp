#include "emulator/impairments/loss.h"

namespace wobble {
namespace {

/// Leaves "lost" with 1 / length; enters it so often that `loss` of all packets are in it.
TwoStateChain chain_of(const BurstLoss& burst) noexcept {
  const std::uint64_t loss = burst.loss.parts_per_billion, length = burst.length_thousandths;
  return {{loss, Probability::kOne}, {length - 1000, length}, {loss * 1000, length * (Probability::kOne - loss)}};
}

}  // namespace

Loss::Loss(std::uint64_t seed, Direction direction) noexcept
    : random_(seed, direction, Stage::loss),
      link_transitions_(stream_for(seed, static_cast<std::uint8_t>(direction), Stage::loss_state, 0)),
      link_losses_(stream_for(seed, static_cast<std::uint8_t>(direction), Stage::loss, 0)) {}

void Loss::configure(const LossSettings& settings) {
  if (settings == settings_) return;
  settings_ = settings;
  random_.configure(settings.random, settings.correlation);
  if (settings.burst) burst_ = chain_of(*settings.burst);
  is_bad_ = false;
  markov_state_ = MarkovState::received_in_gap;
  counted_ = 0;
  listed_ = 0;
}

bool Loss::loses(const FlowPosition& flow, bool is_copy) noexcept {
  if (!settings_.random.is_zero()) return random_.strikes(flow, is_copy);
  if (settings_.gilbert_elliott) return loses_by_gilbert_elliott(*settings_.gilbert_elliott);
  if (settings_.burst) return burst_.next(link_transitions_.at(link_packet_++));
  if (settings_.markov) return loses_by_markov(*settings_.markov);
  return loses_by_number();
}

bool Loss::loses_by_gilbert_elliott(const GilbertElliott& model) noexcept {
  const std::uint64_t k = link_packet_++;
  if (is_hit(link_transitions_.at(k), is_bad_ ? model.r : model.p)) is_bad_ = !is_bad_;
  return is_hit(link_losses_.at(k), is_bad_ ? model.bad_loss : model.good_loss);
}

bool Loss::loses_by_markov(const MarkovLoss& model) noexcept {
  using enum MarkovState;
  const std::uint64_t number = link_transitions_.at(link_packet_++);
  const auto either = [](Probability a, Probability b) {
    return Probability{a.parts_per_billion + b.parts_per_billion};
  };
  switch (markov_state_) {
    case received_in_gap:
      if (is_hit(number, model.p13)) {
        markov_state_ = lost_in_burst;
      } else if (is_hit(number, either(model.p13, model.p14))) {
        markov_state_ = lost_in_gap;
      }
      break;
    case received_in_burst:
      if (is_hit(number, model.p23)) markov_state_ = lost_in_burst;
      break;
    case lost_in_burst:
      if (is_hit(number, model.p31)) {
        markov_state_ = received_in_gap;
      } else if (is_hit(number, either(model.p31, model.p32))) {
        markov_state_ = received_in_burst;
      }
      break;
    case lost_in_gap: markov_state_ = received_in_gap; break;
  }
  return markov_state_ == lost_in_burst || markov_state_ == lost_in_gap;
}

bool Loss::loses_by_number() noexcept {
  const std::uint64_t before = counted_++;
  if (settings_.every > 0) return counted_ % settings_.every == 0;
  if (!settings_.pattern.empty()) return settings_.pattern[before % settings_.pattern.size()] == 'x';
  if (listed_ == settings_.list.size() || settings_.list[listed_] != counted_) return false;
  ++listed_;
  return true;
}

}  // namespace wobble
