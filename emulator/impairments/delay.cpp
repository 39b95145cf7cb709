#include "emulator/impairments/delay.h"

#include <algorithm>

namespace wobble {

TimePoint Delay::departure(TimePoint from, const FlowPosition& flow, bool is_copy) const noexcept {
  Duration delay = settings_.time;
  if (settings_.jitter > Duration(0)) {
    std::uint64_t number = chance_.number_for(flow);
    if (is_copy) number = number_for_copy(number);
    const std::int64_t scale = settings_.jitter.count();
    delay += Duration(settings_.distribution == Distribution::normal ? normal_offset(number, scale)
                                                                     : uniform_offset(number, scale));
    delay = std::max(delay, Duration(0));
  }
  const TimePoint departure = from + delay;
  return settings_.reorder ? departure : std::max(departure, floor_);
}

}  // namespace wobble
