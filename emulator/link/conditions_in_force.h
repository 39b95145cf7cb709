// The conditions of a link: those that were asked for, and what is in force of them, as a scenario brings its steps.
//
// Invariant: what is in force is one step of the scenario (or the conditions without one), whole, in both directions.
// It is the scenario's present step, unless there was no memory for that one yet; then it is the one before. One
// thread.
#pragma once

#include <cstddef>

#include "emulator/conditions/conditions.h"
#include "emulator/conditions/scenario.h"
#include "emulator/link/link_parts.h"

namespace wobble {

class ConditionsInForce {
 public:
  /// No impairment, since `now`. `link` must outlive it.
  ConditionsInForce(LinkParts& link, TimePoint now) noexcept : link_(link), changed_at_(now) {}

  /// As Link::apply(), but that no time passes: an outage that begins is brought about by LinkHalf::advance().
  void apply(const LinkConditions& conditions, TimePoint now);
  /// Takes the scenario's steps until `now`, each at its own moment. One for which there is no memory is told of, and
  /// tried again each time: until then the one before goes on. To be called before anything else happens at `now`.
  void follow_scenario(TimePoint now) noexcept {
    if (scenario_.next_change() <= now || step_ != scenario_.step()) take_steps(now);
  }

  /// As they were asked for, with all steps.
  const LinkConditions& asked() const noexcept { return conditions_; }
  /// When they were.
  TimePoint changed_at() const noexcept { return changed_at_; }
  /// The step in force, from 1; 0 without a scenario.
  std::size_t step() const noexcept { return step_; }
  /// When the scenario's next step begins; kNever without one.
  TimePoint next_change() const noexcept { return scenario_.next_change(); }

 private:
  /// Brings the conditions about that hold from `at` on: the link's own, or those of the scenario's step. Without
  /// memory for them std::bad_alloc, and those that held go on.
  void put_in_force(const LinkConditions& conditions, std::size_t step, TimePoint at);
  void take_steps(TimePoint now) noexcept;
  void begin_step(TimePoint at) noexcept;

  LinkParts& link_;
  LinkConditions conditions_;
  Scenario scenario_;
  std::size_t step_ = 0;  ///< another than scenario_.step(): there was no memory for that one yet
  TimePoint changed_at_;
};

}  // namespace wobble
