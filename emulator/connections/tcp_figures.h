// Small questions about a segment that the tracker's states and its figures both ask.
#pragma once

#include <cstdint>

#include "emulator/connections/transition_table.h"

namespace wobble {

/// The window a segment advertises, in bytes. RFC 7323 2.2: scaled only if both SYNs offered a scale, never in a SYN.
std::uint32_t window_of(const TcpEndpoint& x, const TcpEndpoint& y, const TcpSegment& segment) noexcept;

/// X has advertised `window`, which is window_of() the segment.
void note_window(TcpEndpoint& x, const TcpSegment& segment, std::uint32_t window) noexcept;

/// The largest that X ever advertised, in bytes.
std::uint32_t max_window_of(const TcpEndpoint& x) noexcept;

/// RFC 1122 4.2.3.6: an octet (or none) that was acknowledged long ago, to make the peer answer.
bool is_keep_alive(const Occasion& o) noexcept;

/// Whether there is room for a SACK block behind its header.
bool may_carry_sack(const PacketView& packet) noexcept;

/// What X's SYN or SYN-ACK offers.
void note_offer(const Occasion& o, const TcpOptions& options) noexcept;

}  // namespace wobble
