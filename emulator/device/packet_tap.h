// Who watches the packets of a link as they pass: a capture. Every segment is shown where it arrives, with the fate
// that was decided for it; each copy again where it leaves, or where it is lost after all.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/events/fate.h"
#include "emulator/packet/super_packet.h"
#include "emulator/time.h"

namespace wobble {

/// One wire packet as it passes. What it points to lives for the call only.
struct PacketSighting {
  std::span<const std::uint8_t> bytes;  ///< of the packet or super-packet that holds it, as the device has it
  const SuperPacket* packet = nullptr;  ///< the same, read; null if it cannot be read
  std::uint32_t segment = 0;            ///< which of its segments
  std::uint64_t number = 0;             ///< of the wire packet, counted over both directions in the order of arrival
  Side arrived_on = Side::near;
  bool has_bad_checksum = false;  ///< where it arrives: its receiver will discard it, the tracker does not look at it
};

/// A copy (0: the original) on its way out, with what was decided for it when it arrived.
struct PacketDeparture {
  const Fate& fate;
  TimePoint arrived;
  std::uint8_t copy = 0;
};

/// Called on the link's thread, in the order in which the connection table is told. Must not throw and must not wait.
class PacketTap {
 public:
  virtual ~PacketTap() = default;
  virtual void arrived(const PacketSighting& packet, const Fate& fate, TimePoint now) noexcept = 0;
  /// A copy was written on the other side.
  virtual void left(const PacketSighting& packet, const PacketDeparture& copy, TimePoint now) noexcept = 0;
  /// A copy that should have left was dropped later: an outage took it, or the device refused it.
  virtual void lost(const PacketSighting& packet, const PacketDeparture& copy, DropReason reason,
                    TimePoint now) noexcept = 0;
  /// The link is no more: the last call, by whichever thread destroyed it.
  virtual void ended() noexcept = 0;
};

}  // namespace wobble
