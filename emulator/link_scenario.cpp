// New conditions, and those that a scenario brings as time goes by.

#include "emulator/link.h"

namespace wobble {

void Link::apply(const LinkConditions& conditions, TimePoint now) {
  follow_scenario(now);
  conditions_ = conditions;
  scenario_.configure(conditions.scenario, now);
  put_in_force(now);
  start_epoch(now);
  advance(now);
}

void Link::put_in_force(TimePoint at) {
  for (Direction d : {Direction::up, Direction::down}) advance_bottleneck(d, at);
  const DirectionConditions& up = up_in_step(conditions_, scenario_.step());
  const DirectionConditions& down = down_in_step(conditions_, scenario_.step());
  up_.pipeline.configure(up, at);
  down_.pipeline.configure(down, at);
  idle_timeout_.configure(up.idle_timeout, down.idle_timeout);
}

void Link::take_steps(TimePoint now) {
  while (scenario_.next_change() <= now) {
    const TimePoint begun = scenario_.go_on(now);
    put_in_force(begun);
    for (Direction d : {Direction::up, Direction::down}) {
      advance_bottleneck(d, begun);
      if (half(d).pipeline.advance(begun)) drop_in_flight(d, begun);
    }
  }
}

}  // namespace wobble
