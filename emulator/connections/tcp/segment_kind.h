// What a segment is by its flags.
#pragma once

#include <cstddef>
#include <cstdint>

#include "emulator/packet/packet.h"

namespace wobble {

/// The valid combinations of SYN, FIN, RST and ACK, as conntrack has them; PSH, URG and the ECN flags do not matter. A
/// SYN-ACK may carry a FIN: a server that answers a request in the SYN and closes at once (RFC 7413).
/// The last two before `invalid` are no segments of the peer: ICMP errors that quote a segment of X's.
enum class SegmentKind : std::uint8_t { syn, syn_ack, rst, fin, ack, icmp_refused, icmp_unreachable, invalid };
inline constexpr std::size_t kSegmentKindCount = 7;  ///< the valid ones

/// `fin` has ACK too. FIN with RST acts as a RST.
SegmentKind kind_of(const TcpSegment& segment) noexcept;
/// FIN with RST is treated as a RST and yet nothing a sane stack sends.
bool has_odd_flags(const TcpSegment& segment) noexcept;

}  // namespace wobble
