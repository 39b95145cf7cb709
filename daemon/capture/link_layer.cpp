#include "daemon/capture/link_layer.h"

#include <cstdio>

#include "daemon/capture/capture_reader.h"
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

// 0 version, type | 1 code | 2 session | 4 length
FrameContent after_pppoe(FrameRest rest, FramedPacket& out) noexcept {
  if (!rest.has(6)) return FrameContent::cut_off;
  if (rest.bytes[1] != 0) return unread("PPPoE discovery", out);
  rest.take(6);
  return after_ppp(rest, out);
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

FrameContent behind(FrameRest rest, std::size_t type_at, std::size_t header, FramedPacket& out) noexcept {
  if (!rest.has(header)) return FrameContent::cut_off;
  const std::uint16_t type = rest.u16(type_at);
  rest.take(header);
  return after_type(type, rest, out);
}

// 0 packet type: came, or was sent | 2 hardware | 4 address length | 6 address | 14 type
FrameContent after_cooked(FrameRest rest, FramedPacket& out) noexcept {
  if (rest.has(2)) rest.seen_at = rest.u16(0);
  return behind(rest, 14, 16, out);
}

// 0 type | 2 reserved | 4 interface | 8 hardware | 10 packet type | 11 address length | 12 address
FrameContent after_cooked2(FrameRest rest, FramedPacket& out) noexcept {
  if (rest.has(11)) rest.seen_at = kNetworkOrder.u32(rest.bytes, 4) << 8 | rest.bytes[10];
  return behind(rest, 0, 20, out);
}

// Four bytes of an address family, in the byte order of the machine that captured: AF_INET is 2 everywhere, AF_INET6
// 10 (Linux), 24 (NetBSD, OpenBSD), 28 (FreeBSD) or 30 (macOS).
FrameContent after_family(FrameRest rest, FramedPacket& out) noexcept {
  if (!rest.has(4)) return FrameContent::cut_off;
  bool is_ip = false;
  for (const bool big : {false, true}) {
    const std::uint32_t family = ByteOrder{big}.u32(rest.bytes, 0);
    is_ip = is_ip || family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
  }
  rest.take(4);
  return is_ip ? ip_packet(rest, out) : unread("another address family", out);
}

// 0 family | 1 version | 2 group | 4 values: length, type, bytes, padded to four. Lengths and types are in the byte
// order of the machine that captured; a type is below 256 in either.
FrameContent after_nflog(FrameRest rest, FramedPacket& out) noexcept {
  constexpr std::uint16_t kPayload = 9;
  if (!rest.has(4)) return FrameContent::cut_off;
  const std::uint8_t family = rest.bytes[0];
  rest.take(4);
  while (rest.has(4)) {
    const ByteOrder order{rest.bytes[2] == 0 && rest.bytes[3] != 0};
    const std::size_t length = order.u16(rest.bytes, 0);
    if (length < 4) break;
    if (order.u16(rest.bytes, 2) == kPayload) {
      rest.take(4);
      return family == 2 || family == 10 ? ip_packet(rest, out) : unread("NFLOG of another family", out);
    }
    if (!rest.take((length + 3) & ~std::size_t{3})) return FrameContent::cut_off;
  }
  return unread("NFLOG without a packet", out);
}

}  // namespace

std::string UnreadKind::name() const {
  if (number == 0) return what;
  char text[16];
  std::snprintf(text, sizeof text, " 0x%04x", number);
  return what + std::string(text);
}

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

FrameContent after_ethernet(FrameRest rest, FramedPacket& out) noexcept { return behind(rest, 12, 14, out); }

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

FrameContent find_packet(std::uint16_t type, std::span<const std::uint8_t> frame, std::uint32_t original_length,
                         FramedPacket& out) noexcept {
  FrameRest rest{frame, original_length};
  switch (type) {
    case link_type::kEthernet: return after_ethernet(rest, out);
    case link_type::kCooked: return after_cooked(rest, out);
    case link_type::kCooked2: return after_cooked2(rest, out);
    case link_type::kNull:
    case link_type::kLoop: return after_family(rest, out);
    case link_type::kRaw:
    case link_type::kRawBsd:
    case link_type::kRawOpenBsd:
    case link_type::kIpv4:
    case link_type::kIpv6: return ip_packet(rest, out);
    case link_type::kPpp:
    case link_type::kPppHdlc: return after_ppp(rest, out);
    case link_type::kPppoe: return after_pppoe(rest, out);
    case link_type::kPppWithDirection:
      if (!rest.take(1)) return FrameContent::cut_off;
      return after_ppp(rest, out);
    case link_type::kCiscoHdlc: return behind(rest, 2, 4, out);  // 0 address | 1 control | 2 type
    case link_type::kWifi:
    case link_type::kRadiotap:
    case link_type::kPrism:
    case link_type::kAvs:
    case link_type::kPpi: return after_wifi(type, rest, out);
    case link_type::kNflog: return after_nflog(rest, out);
    default: return FrameContent::unknown_link;
  }
}

std::string known_link_types() {
  return "Ethernet (1), Linux cooked (113, 276), raw IP (101, 12, 14, 228, 229), null and loopback (0, 108), PPP and "
         "HDLC (9, 50, 51, 104, 204), 802.11 (105, 119, 127, 163, 192), NFLOG (239)";
}

}  // namespace wobble::daemon
