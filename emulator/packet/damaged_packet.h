// Packets that come with a wrong checksum: their receivers will discard them unread.
#pragma once

#include "emulator/packet/ipv4_header.h"
#include "emulator/packet/packet_checksum.h"
#include "emulator/packet/super_packet.h"

namespace wobble {

/// Whether it is a TCP segment or an ICMP message, which could change a state, whose checksum, or that of its IPv4
/// header, is wrong. What the kernel has summed, or leaves to a device, is right (so is every super-packet); the rest
/// was made elsewhere, or comes from a device without offload, and is summed here.
inline bool is_damaged(const SuperPacket& packet) noexcept {
  const Offload& offload = packet.offload();
  const PacketView& whole = packet.whole();
  if (packet.count() > 1 || offload.needs_checksum || offload.is_checksum_verified || !whole.has_transport)
    return false;
  if (whole.protocol != kTcp && whole.protocol != kIcmp && whole.protocol != kIcmpV6) return false;
  if (whole.version == 4 && !is_ipv4_header_checksum_right(whole.bytes)) return true;
  return !is_checksum_right(whole) && !is_checksum_partial(whole);
}

}  // namespace wobble
