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

/// 0 with every other model.
Probability random_loss(const LossSettings& loss) noexcept {
  const auto* random = std::get_if<RandomLoss>(&loss.model);
  return random != nullptr ? random->probability : Probability{};
}

}  // namespace

double mean_loss(const LossSettings& loss) noexcept {
  if (const auto* m = std::get_if<GilbertElliott>(&loss.model)) {
    const double p = m->p.fraction(), r = m->r.fraction();
    const double bad = p + r > 0 ? p / (p + r) : 0;  // without a way in it stays good, as it begins
    return bad * m->bad_loss.fraction() + (1 - bad) * m->good_loss.fraction();
  }
  if (const auto* burst = std::get_if<BurstLoss>(&loss.model)) return burst->loss.fraction();
  if (const auto* m = std::get_if<MarkovLoss>(&loss.model)) {
    // In the long run a state is left as often as it is entered; time in each, in units of that lost within a burst.
    const double in_3 = m->p13.is_zero() ? 0 : 1;
    const double in_1 = m->p13.is_zero() ? 1 : m->p31.fraction() / m->p13.fraction();
    const double in_2 = in_3 == 0 || m->p32.is_zero() ? 0 : m->p32.fraction() / m->p23.fraction();
    const double in_4 = in_1 * m->p14.fraction();
    return std::isinf(in_2) ? 0 : (in_3 + in_4) / (in_1 + in_2 + in_3 + in_4);
  }
  if (const auto* every = std::get_if<EveryLoss>(&loss.model)) return 1.0 / every->n;
  if (const auto* pattern = std::get_if<PatternLoss>(&loss.model)) {
    return static_cast<double>(std::count(pattern->marks.begin(), pattern->marks.end(), 'x')) /
           static_cast<double>(pattern->marks.size());
  }
  return random_loss(loss).fraction();
}

Loss::Loss(std::uint64_t seed, Direction direction) noexcept
    : random_(seed, direction, Stage::loss),
      transitions_(seed, direction, Stage::loss_state),
      losses_(seed, direction, Stage::loss) {}

void Loss::configure(LossSettings asked) noexcept {
  if (asked == settings_) return;
  settings_ = std::move(asked);
  const LossSettings& settings = settings_;
  random_.configure(random_loss(settings), settings.correlation, settings.per);
  if (const auto* burst = std::get_if<BurstLoss>(&settings.model)) burst_ = chain_of(*burst);
  memory_.configure(settings.per);
  is_on_ = settings.model != LossModel{};
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
  const LossModel& model = settings_.model;
  if (std::holds_alternative<RandomLoss>(model)) return random_.strikes(flow, is_copy);
  const auto [state, position] = memory_.next(flow);
  if (const auto* chain = std::get_if<GilbertElliott>(&model)) {
    return loses_by_gilbert_elliott(*chain, state, position, is_copy);
  }
  if (std::holds_alternative<BurstLoss>(model)) {
    return burst_.next(state.burst, transitions_.number_for(position, is_copy));
  }
  if (const auto* chain = std::get_if<MarkovLoss>(&model)) {
    return loses_by_markov(*chain, state.markov, transitions_.number_for(position, is_copy));
  }
  return loses_by_number(state.counted);
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
  if (const auto* every = std::get_if<EveryLoss>(&settings_.model)) return counted % every->n == 0;
  if (const auto* pattern = std::get_if<PatternLoss>(&settings_.model)) {
    return pattern->marks[before % pattern->marks.size()] == 'x';
  }
  const auto* list = std::get_if<ListLoss>(&settings_.model);
  return list != nullptr && std::binary_search(list->numbers.begin(), list->numbers.end(), counted);
}

}  // namespace wobble
