// Packets that a link sends by itself: what a router says of a packet it cannot pass on, and what a middlebox answers
// for a connection it no longer knows. Each looks at a packet that was parsed and writes another into `out`.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/packet/packet.h"

namespace wobble {

/// Room for each of the below.
inline constexpr std::size_t kMaxOriginated = 1280;

/// Whether an error message may be sent about a packet at all: not about an ICMP error, a fragment that is not the
/// first, or one whose sender or receiver is no single host (RFC 1122 3.2.2, RFC 4443 2.4).
bool may_be_reported(const PacketView& packet) noexcept;

/// "Fragmentation needed and DF set" (RFC 792, RFC 1191 4), quoting as much as fits 576 bytes (RFC 1812 4.3.2.3), or
/// "packet too big" (RFC 4443 3.2), quoting as much as fits 1280. `source` is of the packet's family. Answers with the
/// size.
std::size_t write_too_big(const PacketView& packet, std::uint32_t mtu, const IpAddress& source,
                          std::span<std::uint8_t> out) noexcept;

/// The reset that answers a TCP segment of a connection that is not there (RFC 9293 3.10.7.1), from where the segment
/// was going. 0 if none is due: to a reset.
std::size_t write_reset(const PacketView& segment, std::span<std::uint8_t> out) noexcept;

}  // namespace wobble
