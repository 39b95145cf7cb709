// IP packets within IP packets. Only for captures of others: a link of ours sees the outer packets, and so do its
// captures.
#pragma once

#include "daemon/capture/link_layer.h"
#include "emulator/packet/packet.h"

namespace wobble::daemon {

/// So many are entered, one within the other.
inline constexpr int kMostTunnels = 4;

/// IPv4 and IPv6 within either (RFC 2003, 2473, 4213); GRE (RFC 2784, 2890) with IP, Ethernet, MPLS, PPP (RFC 2637) or
/// ERSPAN in it; VXLAN (RFC 7348, ports 4789 and 8472), Geneve (RFC 8926) and GTP-U (3GPP TS 29.281), by their ports.
/// `outer` is the packet that `framed` holds. True if there is an IP packet within: `inner` is that.
bool enter_tunnel(const PacketView& outer, const FramedPacket& framed, FramedPacket& inner) noexcept;

}  // namespace wobble::daemon
