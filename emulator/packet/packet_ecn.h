// Explicit Congestion Notification (RFC 3168): the two lowest bits of the former TOS byte or traffic class.
// 00 not capable, 01 and 10 capable, 11 congestion experienced.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/packet/packet.h"

namespace wobble {

/// Whether its sender said that both ends understand marks of congestion: ECT(0), ECT(1) or CE (RFC 3168 5).
bool is_ecn_capable(std::span<const std::uint8_t> packet) noexcept;
inline bool is_ecn_capable(const PacketView& packet) noexcept { return is_ecn_capable(packet.bytes); }

/// Writes "congestion experienced" into an IP packet that is ECN-capable, and mends the IPv4 header's checksum. False,
/// with nothing changed, if it is not.
bool mark_congestion(std::span<std::uint8_t> packet) noexcept;

}  // namespace wobble
