#include "emulator/link/conditions_in_force.h"

#include <new>
#include <utility>

namespace wobble {

void ConditionsInForce::apply(const LinkConditions& conditions, TimePoint now) {
  follow_scenario(now);
  LinkConditions kept = conditions;
  Scenario scenario = scenario_;
  scenario.configure(conditions.scenario, now);
  put_in_force(kept, scenario.step(), now);
  conditions_ = std::move(kept);
  scenario_ = std::move(scenario);
  step_ = scenario_.step();
  changed_at_ = now;
  for (LinkHalf* half : {&link_.up, &link_.down}) half->meter().start_epoch(half->pipeline().loss_runs());
}

void ConditionsInForce::put_in_force(const LinkConditions& conditions, std::size_t step, TimePoint at) {
  for (LinkHalf* half : {&link_.up, &link_.down}) half->advance_bottleneck(at);
  const DirectionConditions& up = up_in_step(conditions, step);
  const DirectionConditions& down = down_in_step(conditions, step);
  const auto prepared_up = link_.up.pipeline().prepare(up, at);
  const auto prepared_down = link_.down.pipeline().prepare(down, at);
  link_.idle_timeout.reserve(up.idle_timeout, down.idle_timeout);
  link_.up.pipeline().configure(prepared_up, at);  // from here on nothing fails
  link_.down.pipeline().configure(prepared_down, at);
  link_.idle_timeout.configure(up.idle_timeout, down.idle_timeout);
}

void ConditionsInForce::take_steps(TimePoint now) noexcept {
  const bool was_owed = step_ != scenario_.step();
  while (scenario_.next_change() <= now) begin_step(scenario_.go_on(now));
  if (was_owed && step_ != scenario_.step()) begin_step(now);
}

void ConditionsInForce::begin_step(TimePoint at) noexcept {
  try {
    put_in_force(conditions_, scenario_.step(), at);
    step_ = scenario_.step();
  } catch (const std::bad_alloc&) {
    return link_.exhausted.tell(at, 0);
  }
  for (LinkHalf* half : {&link_.up, &link_.down}) half->advance(at);
}

}  // namespace wobble
