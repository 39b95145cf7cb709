#include "daemon/capture/tunnels.h"

#include "daemon/capture/frame_rest.h"

namespace wobble::daemon {
namespace {

constexpr std::uint8_t kIpv4Within = 4, kIpv6Within = 41, kGre = 47;
constexpr std::uint16_t kVxlan = 4789, kVxlanOnLinux = 8472, kGeneve = 6081, kGtpUser = 2152;
constexpr std::uint16_t kTransparentEthernet = 0x6558, kPppType = 0x880b, kErspan = 0x88be, kErspan3 = 0x22eb;

bool is_ip(FrameContent content) { return content == FrameContent::ip; }

/// As an EtherType, or one of those that only tunnels have.
bool after_tunnel_type(std::uint16_t type, const FrameRest& rest, FramedPacket& inner) noexcept {
  if (type == kTransparentEthernet) return is_ip(after_ethernet(rest, inner));
  return is_ip(after_type(type, rest, inner));
}

// 0 flags and version | 2 type | checksum, key and sequence number, 4 bytes each, as the flags say. Version 1 (PPTP)
// has an acknowledgement as well, and its key always.
bool after_gre(FrameRest rest, FramedPacket& inner) noexcept {
  if (!rest.has(4)) return false;
  constexpr std::uint16_t kChecksum = 0x8000, kRouting = 0x4000, kKey = 0x2000, kSequence = 0x1000, kAck = 0x0080;
  const std::uint16_t flags = rest.u16(0), type = rest.u16(2);
  const unsigned version = flags & 7;
  if ((flags & kRouting) != 0 || version > 1) return false;
  std::size_t header = 4;
  for (const std::uint16_t flag : {kChecksum, kKey, kSequence}) header += (flags & flag) != 0 ? 4 : 0;
  if (version == 1) header += (flags & kAck) != 0 ? 4 : 0;
  if (!rest.take(header)) return false;
  if (version == 1) return type == kPppType && is_ip(after_ppp(rest, inner));
  if (type == kErspan) {  // the first kind has neither a number nor a header
    if ((flags & kSequence) != 0 && !rest.take(8)) return false;
    return is_ip(after_ethernet(rest, inner));
  }
  if (type == kErspan3) {
    const bool has_more = rest.has(12) && (rest.bytes[11] & 1) != 0;
    return rest.take(has_more ? 20 : 12) && is_ip(after_ethernet(rest, inner));
  }
  return after_tunnel_type(type, rest, inner);
}

// 0 flags, 08: there is an identifier | 4 identifier | 8 an Ethernet frame
bool after_vxlan(FrameRest rest, FramedPacket& inner) noexcept {
  if (!rest.has(8) || (rest.bytes[0] & 0x08) == 0) return false;
  rest.take(8);
  return is_ip(after_ethernet(rest, inner));
}

// 0 version (2 bits), length of the options in words | 2 type | 4 identifier | 8 options
bool after_geneve(FrameRest rest, FramedPacket& inner) noexcept {
  if (!rest.has(8) || rest.bytes[0] >> 6 != 0) return false;
  const std::uint16_t type = rest.u16(2);
  const std::size_t options = std::size_t{4} * (rest.bytes[0] & 0x3f);
  return rest.take(8 + options) && after_tunnel_type(type, rest, inner);
}

// 0 version 1, protocol type 1, which of the next are there | 1 message: 255 carries a packet | 2 length | 4 tunnel |
// 8 sequence number, N-PDU number, kind of the extension that follows; each of those: length in words, ..., the next
// one's kind
bool after_gtp(FrameRest rest, FramedPacket& inner) noexcept {
  constexpr std::uint8_t kCarries = 255;
  if (!rest.has(12) || (rest.bytes[0] & 0xf0) != 0x30 || rest.bytes[1] != kCarries) return false;
  const bool has_more = (rest.bytes[0] & 7) != 0, has_extensions = (rest.bytes[0] & 4) != 0;
  std::uint8_t next = has_extensions ? rest.bytes[11] : 0;
  rest.take(has_more ? 12 : 8);
  while (next != 0) {
    const std::size_t length = rest.has(1) ? std::size_t{4} * rest.bytes[0] : 0;
    if (length == 0 || !rest.has(length)) return false;
    next = rest.bytes[length - 1];
    rest.take(length);
  }
  return is_ip(ip_packet(rest, inner));
}

}  // namespace

bool enter_tunnel(const PacketView& outer, const FramedPacket& framed, FramedPacket& inner) noexcept {
  if (outer.is_fragment) return false;
  const bool is_udp = outer.protocol == kUdp && outer.has_transport;
  const std::uint16_t port = is_udp ? outer.destination_port : 0;
  const bool has_port = port == kVxlan || port == kVxlanOnLinux || port == kGeneve || port == kGtpUser;
  const bool is_within = outer.protocol == kIpv4Within || outer.protocol == kIpv6Within || outer.protocol == kGre;
  if (!is_within && !has_port) return false;
  FrameRest rest{framed.bytes, framed.original_length, framed.tags, framed.seen_at};
  // What pads the frame is not the packet's.
  if (rest.has(outer.length)) rest.bytes = rest.bytes.first(outer.length);
  if (rest.original > outer.length) rest.original = outer.length;
  if (!rest.take(is_udp ? outer.payload_offset : outer.transport_offset)) return false;
  if (is_within && outer.protocol != kGre) return is_ip(ip_packet(rest, inner));
  if (outer.protocol == kGre) return after_gre(rest, inner);
  if (port == kGeneve) return after_geneve(rest, inner);
  return port == kGtpUser ? after_gtp(rest, inner) : after_vxlan(rest, inner);
}

}  // namespace wobble::daemon
