#include "emulator/impairments/slot.h"

#include <algorithm>
#include <utility>

#include "emulator/chance/jitter_shapes.h"

namespace wobble {

void Slot::configure(SlotSettings settings) noexcept {
  if (settings == settings_) return;
  settings_ = std::move(settings);
  forget();
}

TimePoint Slot::opening_for(std::uint32_t length, TimePoint ready) noexcept {
  if (settings_.max == Duration(0) && settings_.delay == Duration(0)) return ready;
  if (ready > opens_at_ || !has_room(length)) {
    opens_at_ = std::max(opens_at_, ready) + wait();
    packets_ = 0;
    bytes_ = 0;
  }
  ++packets_;
  bytes_ += length;
  return opens_at_;
}

bool Slot::has_room(std::uint32_t length) const noexcept {
  if (settings_.packets > 0 && packets_ >= settings_.packets) return false;
  return settings_.bytes == 0 || bytes_ + length <= settings_.bytes;
}

Duration Slot::wait() noexcept {
  __extension__ typedef unsigned __int128 Wide;
  const std::uint64_t number = waits_.at(opened_++);
  if (settings_.delay > Duration(0)) {
    const Duration jitter(
        jitter_offset(number, settings_.distribution, settings_.jitter.count(), settings_.table.view()));
    return std::max(settings_.delay + jitter, Duration(0));
  }
  const auto choices = static_cast<std::uint64_t>((settings_.max - settings_.min).count()) + 1;
  return settings_.min + Duration(static_cast<std::int64_t>((Wide{number} * choices) >> 64));
}

}  // namespace wobble
