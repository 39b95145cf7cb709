#include "emulator/impairments/delay.h"

#include <algorithm>
#include <utility>

#include "emulator/chance/jitter_shapes.h"

namespace wobble {

void Delay::configure(DelaySettings settings) noexcept {
  const bool is_same_memory = settings.correlation == settings_.correlation && settings.per == settings_.per;
  settings_ = std::move(settings);
  if (!is_same_memory) memory_.configure(settings_.per);
}

std::uint64_t Delay::draw(const FlowPosition& flow, bool is_copy) noexcept {
  if (settings_.correlation.is_zero()) return jitter_.number_for(flow, is_copy);
  const auto [last, position] = memory_.next(flow);
  if (!last.is_drawn || !again_.strikes(position, settings_.correlation, is_copy)) {
    last = {jitter_.number_for(position, is_copy), true};
  }
  return last.draw;
}

std::int64_t Delay::offset(std::uint64_t draw) const noexcept {
  return jitter_offset(draw, settings_.distribution, settings_.jitter.count(), settings_.table.view());
}

TimePoint Delay::departure(TimePoint from, const FlowPosition& flow, bool is_copy) noexcept {
  Duration delay = settings_.time;
  if (settings_.jitter > Duration(0)) {
    delay += Duration(offset(draw(flow, is_copy)));
    delay = std::max(delay, Duration(0));
  }
  const TimePoint departure = from + delay;
  return settings_.reorder ? departure : std::max(departure, floor_);
}

}  // namespace wobble
