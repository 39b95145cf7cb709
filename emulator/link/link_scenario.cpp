// New conditions, and those that a scenario brings as time goes by.

#include <new>
#include <utility>

#include "emulator/link/link.h"

namespace wobble {

void Link::apply(const LinkConditions& conditions, TimePoint now) {
  follow_scenario(now);
  LinkConditions kept = conditions;
  Scenario scenario = scenario_;
  scenario.configure(conditions.scenario, now);
  put_in_force(kept, scenario.step(), now);
  conditions_ = std::move(kept);
  scenario_ = std::move(scenario);
  step_ = scenario_.step();
  start_epoch(now);
  advance(now);
}

void Link::put_in_force(const LinkConditions& conditions, std::size_t step, TimePoint at) {
  for (Direction d : {Direction::up, Direction::down}) advance_bottleneck(d, at);
  const DirectionConditions& up = up_in_step(conditions, step);
  const DirectionConditions& down = down_in_step(conditions, step);
  const auto prepared_up = up_.pipeline.prepare(up, at);
  const auto prepared_down = down_.pipeline.prepare(down, at);
  idle_timeout_.reserve(up.idle_timeout, down.idle_timeout);
  up_.pipeline.configure(prepared_up, at);  // from here on nothing fails
  down_.pipeline.configure(prepared_down, at);
  idle_timeout_.configure(up.idle_timeout, down.idle_timeout);
}

void Link::take_steps(TimePoint now) noexcept {
  const bool was_owed = step_ != scenario_.step();
  while (scenario_.next_change() <= now) begin_step(scenario_.go_on(now));
  if (was_owed && step_ != scenario_.step()) begin_step(now);
}

void Link::begin_step(TimePoint at) noexcept {
  try {
    put_in_force(conditions_, scenario_.step(), at);
    step_ = scenario_.step();
  } catch (const std::bad_alloc&) {
    return tell_exhausted(at, 0);
  }
  for (Direction d : {Direction::up, Direction::down}) {
    advance_bottleneck(d, at);
    if (half(d).pipeline.advance(at)) drop_in_flight(d, at);
  }
}

}  // namespace wobble
