#include "emulator/impairments/loss.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace wobble {
namespace {

/// Leaves "lost" with 1 / length; enters it so often that `loss` of all packets are in it.
TwoStateChain chain_of(const BurstLoss& burst) noexcept {
  const std::uint64_t loss = burst.loss.parts_per_billion, length = burst.length_thousandths;
  return {{loss, Probability::kOne}, {length - 1000, length}, {loss * 1000, length * (Probability::kOne - loss)}};
}

}  // namespace

double mean_loss(const LossSettings& loss) noexcept {
  if (loss.gilbert_elliott) {
    const GilbertElliott& m = *loss.gilbert_elliott;
    const double p = m.p.fraction(), r = m.r.fraction();
    const double bad = p + r > 0 ? p / (p + r) : 0;  // without a way in it stays good, as it begins
    return bad * m.bad_loss.fraction() + (1 - bad) * m.good_loss.fraction();
  }
  if (loss.burst) return loss.burst->loss.fraction();
  if (loss.markov) {
    // In the long run a state is left as often as it is entered; time in each, in units of that lost within a burst.
    const MarkovLoss& m = *loss.markov;
    const double in_3 = m.p13.is_zero() ? 0 : 1;
    const double in_1 = m.p13.is_zero() ? 1 : m.p31.fraction() / m.p13.fraction();
    const double in_2 = in_3 == 0 || m.p32.is_zero() ? 0 : m.p32.fraction() / m.p23.fraction();
    const double in_4 = in_1 * m.p14.fraction();
    return std::isinf(in_2) ? 0 : (in_3 + in_4) / (in_1 + in_2 + in_3 + in_4);
  }
  if (loss.every > 0) return 1.0 / loss.every;
  if (!loss.pattern.empty()) {
    return static_cast<double>(std::count(loss.pattern.begin(), loss.pattern.end(), 'x')) /
           static_cast<double>(loss.pattern.size());
  }
  return loss.random.fraction();
}

Loss::Loss(std::uint64_t seed, Direction direction) noexcept
    : random_(seed, direction, Stage::loss),
      transitions_(seed, direction, Stage::loss_state),
      losses_(seed, direction, Stage::loss) {}

void Loss::configure(LossSettings asked) noexcept {
  if (asked == settings_) return;
  settings_ = std::move(asked);
  const LossSettings& settings = settings_;
  random_.configure(settings.random, settings.correlation, settings.per);
  if (settings.burst) burst_ = chain_of(*settings.burst);
  memory_.configure(settings.per);
  is_on_ = settings !=
           LossSettings{.random = {}, .after_rate = settings.after_rate, .ecn = settings.ecn, .per = settings.per};
  was_lost_ = false;
}

bool Loss::loses(const FlowPosition& flow, bool is_copy) noexcept {
  if (!is_on_) return false;
  const bool is_lost = draws(flow, is_copy);
  bool& was_lost = settings_.per == Scope::connection ? memory_.next(flow).state.was_lost : was_lost_;
  if (is_lost) {
    ++runs_.lost;
    runs_.runs += was_lost ? 0 : 1;
  }
  was_lost = is_lost;
  return is_lost;
}

std::uint32_t Loss::spared_behind(FlowPosition flow, std::uint32_t n) noexcept {
  if (!is_on_) return n;
  std::uint32_t spared = 0;
  while (spared < n && (++flow.packet, !random_.strikes(flow))) ++spared;
  return spared;
}

bool Loss::draws(const FlowPosition& flow, bool is_copy) noexcept {
  const LossSettings& s = settings_;
  if (!s.random.is_zero()) return random_.strikes(flow, is_copy);
  if (s.gilbert_elliott || s.burst || s.markov) {
    const auto [state, position] = memory_.next(flow);
    if (s.gilbert_elliott) return loses_by_gilbert_elliott(*s.gilbert_elliott, state, position, is_copy);
    const std::uint64_t number = transitions_.number_for(position, is_copy);
    return s.burst ? burst_.next(state.burst, number) : loses_by_markov(*s.markov, state.markov, number);
  }
  return loses_by_number(memory_.next(flow).state.counted);
}

bool Loss::loses_by_gilbert_elliott(const GilbertElliott& model, State& state, const FlowPosition& position,
                                    bool is_copy) const noexcept {
  if (transitions_.strikes(position, state.is_bad ? model.r : model.p, is_copy)) state.is_bad = !state.is_bad;
  return losses_.strikes(position, state.is_bad ? model.bad_loss : model.good_loss, is_copy);
}

bool Loss::loses_by_markov(const MarkovLoss& model, MarkovState& state, std::uint64_t number) noexcept {
  using enum MarkovState;
  const auto either = [](Probability a, Probability b) {
    return Probability{a.parts_per_billion + b.parts_per_billion};
  };
  switch (state) {
    case received_in_gap:
      if (is_hit(number, model.p13)) {
        state = lost_in_burst;
      } else if (is_hit(number, either(model.p13, model.p14))) {
        state = lost_in_gap;
      }
      break;
    case received_in_burst:
      if (is_hit(number, model.p23)) state = lost_in_burst;
      break;
    case lost_in_burst:
      if (is_hit(number, model.p31)) {
        state = received_in_gap;
      } else if (is_hit(number, either(model.p31, model.p32))) {
        state = received_in_burst;
      }
      break;
    case lost_in_gap: state = received_in_gap; break;
  }
  return state == lost_in_burst || state == lost_in_gap;
}

bool Loss::loses_by_number(std::uint64_t& counted) const noexcept {
  const std::uint64_t before = counted++;
  if (settings_.every > 0) return counted % settings_.every == 0;
  if (!settings_.pattern.empty()) return settings_.pattern[before % settings_.pattern.size()] == 'x';
  return std::binary_search(settings_.list.begin(), settings_.list.end(), counted);
}

}  // namespace wobble
