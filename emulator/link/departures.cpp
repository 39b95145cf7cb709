#include "emulator/link/departures.h"

#include <algorithm>
#include <utility>

namespace wobble {

void Departures::write_due() noexcept {
  TimePoint time = clock_();
  while (auto packet = link_.pop_due(direction_, time)) {
    const std::size_t n = joined_.count();
    if (n > 0 && may_follow(*packet) && joined_.append(packet->buffer.bytes(), packet->offload)) {
      waiting_[n] = std::move(*packet);
      continue;
    }
    if (n > 0) {
      write_waiting();
      time = clock_();
    }
    waiting_[0] = std::move(*packet);
    joined_.begin(waiting_[0].buffer.bytes(), waiting_[0].offload);
    if (!may_join(waiting_[0])) {
      write_waiting();
      time = clock_();
    }
  }
  if (joined_.count() > 0) write_waiting();
}

bool Departures::may_follow(const InFlight& packet) const noexcept {
  return std::ranges::equal(waiting_[0].buffer.prefix(), packet.buffer.prefix());
}

bool Departures::may_join(const InFlight& packet) const noexcept {
  const std::span<const std::uint8_t> bytes = packet.buffer.bytes();
  const std::size_t protocol = bytes[0] >> 4 == 4 ? 9 : 6;
  if (bytes[protocol] == kUdp) return device_.takes(Offload::Kind::udp);
  return bytes[protocol] == kTcp && device_.takes(Offload::Kind::tcp);
}

void Departures::write_waiting() noexcept {
  const std::size_t n = joined_.count();
  TimePoint time = n > 1 ? clock_() : TimePoint();
  const bool written = n > 1 && device_.write_parts(joined_.parts(), joined_.offload(), waiting_[0].buffer.prefix());
  for (std::size_t i = 0; i < n; ++i) {
    InFlight packet = std::move(waiting_[i]);
    bool is_out = written;
    if (!written) {
      time = clock_();
      is_out = device_.write(packet.buffer.bytes(), packet.offload, packet.buffer.prefix());
    }
    link_.complete(packet, direction_, is_out, time);
  }
  joined_.clear();
}

}  // namespace wobble
