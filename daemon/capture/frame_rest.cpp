#include "daemon/capture/frame_rest.h"

namespace wobble::daemon {
namespace {

constexpr std::uint16_t kIpv4Type = 0x0800, kIpv6Type = 0x86dd, kPppoeType = 0x8864, kMplsType = 0x8847,
                        kMplsMulticastType = 0x8848, kSecurityGroupType = 0x8909;
constexpr std::uint16_t kFirstType = 0x0600;  // below: a length

struct NamedType {
  std::uint16_t type;
  const char* name;
};
constexpr NamedType kNamedTypes[] = {
    {0x0806, "ARP"},
    {0x8035, "RARP"},
    {0x0842, "Wake-on-LAN"},
    {0x8809, "slow protocols"},
    {0x8863, "PPPoE discovery"},
    {0x888e, "EAPOL"},
    {0x8892, "PROFINET"},
    {0x88a2, "ATA over Ethernet"},
    {0x88cc, "LLDP"},
    {0x88e5, "MACsec"},
    {0x88f7, "PTP"},
    {0x8902, "CFM"},
    {0x8906, "FCoE"},
    {0x894f, "NSH"},
    {0x9000, "loopback test"},
};

bool is_tag(std::uint16_t type) noexcept {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;  // 802.1Q, 802.1ad, and before them
}

/// Takes the tags off `rest`; false if it ends within them.
///   VLAN             0 identifier (lower 12 bits) | 2 type
///   security group   0 version | 1 length in words | 2 option | 4 tag | ... | type
bool take_tags(std::uint16_t& type, FrameRest& rest) noexcept {
  for (;;) {
    std::size_t header = 0;
    if (is_tag(type)) {
      if (!rest.has(4)) return false;
      rest.tags = rest.tags << 12 | (rest.u16(0) & 0x0fffu);
      header = 4;
    } else if (type == kSecurityGroupType) {
      if (!rest.has(2)) return false;
      header = std::size_t{4} * rest.bytes[1] + 4;
    } else {
      return true;
    }
    if (!rest.has(header)) return false;
    type = rest.u16(header - 2);
    rest.take(header);
  }
}

// LLC and SNAP: aa aa 03, an organisation of zero, a type. 42 42: the spanning tree's.
FrameContent after_llc(FrameRest rest, FramedPacket& out) noexcept {
  if (rest.has(3) && rest.bytes[0] == 0x42 && rest.bytes[1] == 0x42) return unread("spanning tree", out);
  if (!rest.has(8)) return unread("LLC", out);
  const auto b = rest.bytes;
  if (b[0] != 0xaa || b[1] != 0xaa || b[2] != 3 || (b[3] | b[4] | b[5]) != 0) return unread("LLC", out);
  const std::uint16_t type = rest.u16(6);
  if (type < kFirstType) return unread("LLC", out);
  rest.take(8);
  return after_type(type, rest, out);
}

}  // namespace

FrameContent ip_packet(const FrameRest& rest, FramedPacket& out) noexcept {
  if (rest.bytes.empty()) return FrameContent::cut_off;
  out = {rest.bytes, rest.original, rest.tags, rest.seen_at, false, {}};
  return FrameContent::ip;
}

FrameContent after_type(std::uint16_t type, FrameRest rest, FramedPacket& out) noexcept {
  if (!take_tags(type, rest)) return FrameContent::cut_off;
  switch (type) {
    case kIpv4Type:
    case kIpv6Type: return ip_packet(rest, out);
    case kMplsType:
    case kMplsMulticastType: return after_mpls(rest, out);
    case kPppoeType: return after_pppoe(rest, out);
    default: break;
  }
  if (type < kFirstType) return after_llc(rest, out);
  for (const NamedType& named : kNamedTypes) {
    if (named.type == type) return unread(named.name, out);
  }
  return unread("EtherType", out, type);
}

FrameContent after_type_at(FrameRest rest, std::size_t type_at, std::size_t header, FramedPacket& out) noexcept {
  if (!rest.has(header)) return FrameContent::cut_off;
  const std::uint16_t type = rest.u16(type_at);
  rest.take(header);
  return after_type(type, rest, out);
}

FrameContent after_ethernet(FrameRest rest, FramedPacket& out) noexcept { return after_type_at(rest, 12, 14, out); }

// Each label: 20 bits label | 3 bits class | 1 bit: the last | 8 bits time to live. Behind the last stands what its
// router knows; an IP packet begins with its version, a pseudowire mostly with a control word, whose first four bits
// are 0.
FrameContent after_mpls(FrameRest rest, FramedPacket& out) noexcept {
  for (bool is_last = false; !is_last;) {
    if (!rest.has(4)) return FrameContent::cut_off;
    is_last = (rest.bytes[2] & 1) != 0;
    rest.take(4);
  }
  if (!rest.has(1)) return FrameContent::cut_off;
  const unsigned version = rest.bytes[0] >> 4;
  return version == 4 || version == 6 ? ip_packet(rest, out) : unread("MPLS pseudowire", out);
}

// ff 03, which may be left out | a protocol of two bytes, or of one that is odd
FrameContent after_ppp(FrameRest rest, FramedPacket& out) noexcept {
  if (rest.has(2) && rest.bytes[0] == 0xff && rest.bytes[1] == 0x03) rest.take(2);
  if (!rest.has(1)) return FrameContent::cut_off;
  std::uint16_t protocol = rest.bytes[0];
  if ((protocol & 1) == 0) {
    if (!rest.has(2)) return FrameContent::cut_off;
    protocol = rest.u16(0);
    rest.take(1);
  }
  rest.take(1);
  switch (protocol) {
    case 0x0021:
    case 0x0057: return ip_packet(rest, out);
    case 0x0281:
    case 0x0283: return after_mpls(rest, out);
    default: return unread("PPP", out, protocol);
  }
}

// 0 version, type | 1 code | 2 session | 4 length
FrameContent after_pppoe(FrameRest rest, FramedPacket& out) noexcept {
  if (!rest.has(6)) return FrameContent::cut_off;
  if (rest.bytes[1] != 0) return unread("PPPoE discovery", out);
  rest.take(6);
  return after_ppp(rest, out);
}

}  // namespace wobble::daemon
