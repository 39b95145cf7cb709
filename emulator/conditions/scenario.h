// Which step of a link's scenario is in force.
#pragma once

#include <cstddef>
#include <vector>

#include "emulator/conditions/conditions.h"

namespace wobble {

/// The steps follow each other, over and over, from the moment they were set. Pure arithmetic of the settings and of
/// time; one thread.
class Scenario {
 public:
  /// Starts with the first step at `now`; steps that are the same as before go on where they are.
  void configure(const std::vector<ScenarioStep>& steps, TimePoint now);

  /// When the present step ends; kNever without one.
  TimePoint next_change() const noexcept { return ends_at_; }
  /// Goes on to the next step, if `now` is not before its beginning, and answers when that was. What lies more than a
  /// round behind is left out.
  TimePoint go_on(TimePoint now) noexcept;

  /// The present step, from 1; 0 if there is no scenario.
  std::size_t step() const noexcept { return steps_.empty() ? 0 : step_ + 1; }

 private:
  std::vector<ScenarioStep> steps_;
  Duration round_{0};
  std::size_t step_ = 0;
  TimePoint ends_at_ = kNever;
};

}  // namespace wobble
