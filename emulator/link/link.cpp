#include "emulator/link/link.h"

#include <algorithm>

#include "emulator/link/stayed_traffic.h"

namespace wobble {

Link::Link(const LinkOptions& options, ConnectionObserver& observer, TimePoint now)
    : seed_(options.seed), parts_(options, observer), conditions_(parts_, now), admission_(parts_, options) {}

Link::~Link() {
  for (const auto& tap : parts_.taps) tap->ended();
}

void Link::admit(std::span<const std::uint8_t> bytes, const Offload& offload, Side side, TimePoint now,
                 PacketBuffer storage, std::span<const std::uint8_t> prefix) noexcept {
  conditions_.follow_scenario(now);
  admission_.admit(bytes, offload, side, now, std::move(storage), prefix);
}

void Link::stayed(std::span<const std::uint8_t> bytes, std::uint16_t segment_size, Side side, TimePoint now) noexcept {
  conditions_.follow_scenario(now);
  track_stayed(parts_, bytes, segment_size, side, now);
}

bool Link::asks_nothing(Direction direction) const noexcept {
  return parts_.half(direction).asks_nothing() && !parts_.idle_timeout.is_on() && parts_.taps.empty() &&
         conditions_.next_change() == kNever;
}

void Link::advance(TimePoint now) noexcept {
  conditions_.follow_scenario(now);
  parts_.connections.advance(now);
  parts_.up.advance(now);
  parts_.down.advance(now);
}

TimePoint Link::next_due() const noexcept {
  return std::min(
      {conditions_.next_change(), parts_.connections.next_due(), parts_.up.next_due(), parts_.down.next_due()});
}

void Link::apply(const LinkConditions& conditions, TimePoint now) {
  conditions_.apply(conditions, now);
  advance(now);
}

void Link::reset(TimePoint now) {
  apply(LinkConditions{}, now);
  parts_.up.release_all(now);
  parts_.down.release_all(now);
}

LinkStats Link::stats(TimePoint now) noexcept {
  LinkStats stats{.up = parts_.up.stats(now),
                  .down = parts_.down.stats(now),
                  .at = now,
                  .changed_at = conditions_.changed_at(),
                  .step = static_cast<std::uint32_t>(conditions_.step()),
                  .step_ends = conditions_.next_change(),
                  .connections = parts_.connections.size()};
  parts_.connections.count_states(stats.by_client_state);
  return stats;
}

}  // namespace wobble
