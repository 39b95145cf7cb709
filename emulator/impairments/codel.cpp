#include "emulator/impairments/codel.h"

namespace wobble {

CodelParameters codel_parameters(const QueueSettings& settings) noexcept {
  const CodelParameters defaults;
  return {settings.target.value_or(defaults.target), settings.interval.value_or(defaults.interval), settings.ecn};
}

std::optional<Waiting> CodelQueue::pop(TimePoint now, Drops& drops) noexcept {
  return codel_.pop(static_cast<Fifo&>(*this), parameters_, now, drops);
}

}  // namespace wobble
