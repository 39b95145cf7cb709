// The way out of a link: what is due in one direction is taken from it, written to the device, and reported back. What
// can leave as one packet does (joined_packet.h), as long as the device takes it.
#pragma once

#include <array>

#include "emulator/device/packet_device.h"
#include "emulator/link/link.h"
#include "emulator/packet/joined_packet.h"

namespace wobble {

class Departures {
 public:
  using Clock = TimePoint (*)() noexcept;

  /// Both must outlive it. One thread, the link's.
  Departures(Link& link, Direction direction, PacketDevice& device, Clock clock) noexcept
      : link_(link), device_(device), direction_(direction), clock_(clock) {}

  /// Writes all that is due by the clock, in order. A packet that nothing can be joined to is written before the one
  /// behind it is looked at any further: nobody waits for a partner.
  void write_due() noexcept;

 private:
  /// Its prefix is that of those that wait.
  bool may_follow(const InFlight& packet) const noexcept;
  bool may_join(const InFlight& packet) const noexcept;
  void write_waiting() noexcept;

  Link& link_;
  PacketDevice& device_;
  Direction direction_;
  Clock clock_;
  JoinedPacket joined_;
  std::array<InFlight, JoinedPacket::kMost> waiting_;  ///< those in joined_
};

}  // namespace wobble
