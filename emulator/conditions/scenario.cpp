#include "emulator/conditions/scenario.h"

namespace wobble {

const DirectionConditions& up_in_step(const LinkConditions& conditions, std::size_t step) noexcept {
  const bool is_there = step > 0 && step <= conditions.scenario.size();
  return is_there && conditions.scenario[step - 1].up ? *conditions.scenario[step - 1].up : conditions.up;
}

const DirectionConditions& down_in_step(const LinkConditions& conditions, std::size_t step) noexcept {
  const bool is_there = step > 0 && step <= conditions.scenario.size();
  return is_there && conditions.scenario[step - 1].down ? *conditions.scenario[step - 1].down : conditions.down;
}

void Scenario::configure(const std::vector<ScenarioStep>& steps, TimePoint now) {
  if (steps == steps_) return;
  steps_ = steps;
  round_ = Duration(0);
  for (const ScenarioStep& step : steps_) round_ += step.length;
  step_ = 0;
  ends_at_ = steps_.empty() ? kNever : now + steps_[0].length;
}

TimePoint Scenario::go_on(TimePoint now) noexcept {
  ends_at_ += (now - ends_at_) / round_ * round_;
  const TimePoint begun = ends_at_;
  step_ = (step_ + 1) % steps_.size();
  ends_at_ += steps_[step_].length;
  return begun;
}

}  // namespace wobble
