// What a segment is of what its sender sent before it: new, ahead, late, or again; of what is sent again why, and where
// it was lost; and what its receiver says of that. Definitions and sources: api/FIGURES.md. Changes no state.
#pragma once

#include "emulator/connections/tcp/occasion.h"

namespace wobble {

/// What was found of a segment besides the rows.
struct Sending {
  bool retransmission = false;
  bool retransmission_by_us = false;  ///< of those: we had dropped or corrupted (some of) what it carries
  bool is_filler = false;             ///< its payload is none: a keep-alive's, or that of a probe of a closed window
  bool is_close = false;              ///< the first FIN of its side, or a RST
};

/// X has sent a segment: called before anything of it was noted.
void classify(const Occasion& occasion, const PacketView& packet, Sending& sending) noexcept;
/// RFC 2018: what X has beyond what it acknowledges; RFC 2883: in the first block, what it has had twice.
void hear_sack(const Occasion& occasion, const PacketView& packet) noexcept;
/// A segment on its way to `who`: three ACKs of a kind make it repeat what it thinks is lost (RFC 5681 3.2).
void hear_delivered(TcpConnection& connection, Role who, const TcpSegment& segment,
                    const TroublePool& troubles) noexcept;

/// Whether there is room for a SACK block behind its header.
inline bool may_carry_sack(const PacketView& packet) noexcept {
  constexpr std::uint16_t kHeader = 20, kOneBlock = 12;
  return packet.payload_offset - packet.transport_offset >= kHeader + kOneBlock;
}

}  // namespace wobble
