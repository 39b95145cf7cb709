#include "daemon/capture/link_layer.h"

#include "daemon/capture/byte_order.h"
#include "daemon/capture/capture_reader.h"

namespace wobble::daemon {
namespace {

constexpr ByteOrder kNetwork{true};
constexpr std::uint16_t kIpv4Type = 0x0800, kIpv6Type = 0x86dd, kPppoeType = 0x8864;
constexpr std::uint16_t kFirstType = 0x0600;  // below: a length (IEEE 802.3 3.2.6)

/// A frame, read from its front; what is read is taken off.
struct Rest {
  std::span<const std::uint8_t> bytes;
  std::uint32_t original = 0;
  std::uint32_t tags = 0;
  std::uint32_t seen_at = 0;

  bool take(std::size_t n) noexcept {
    if (bytes.size() < n) return false;
    bytes = bytes.subspan(n);
    original -= static_cast<std::uint32_t>(n);
    return true;
  }
};

FrameContent ip(const Rest& rest, FramedPacket& out) noexcept {
  if (rest.bytes.empty()) return FrameContent::cut_off;
  out = {rest.bytes, rest.original, rest.tags, rest.seen_at};
  return FrameContent::ip;
}

bool is_tag(std::uint16_t type) noexcept {
  return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200;  // 802.1Q, 802.1ad, and before them
}

// 0 version, type | 1 code | 2 session | 4 length | 6 PPP protocol
FrameContent after_pppoe(Rest rest, FramedPacket& out) noexcept {
  if (rest.bytes.size() < 8) return FrameContent::cut_off;
  const std::uint16_t protocol = kNetwork.u16(rest.bytes, 6);
  if (rest.bytes[1] != 0 || (protocol != 0x0021 && protocol != 0x0057)) return FrameContent::other;
  rest.take(8);
  return ip(rest, out);
}

FrameContent after_type(std::uint16_t type, Rest rest, FramedPacket& out) noexcept {
  while (is_tag(type)) {
    if (rest.bytes.size() < 4) return FrameContent::cut_off;
    rest.tags = rest.tags << 12 | (kNetwork.u16(rest.bytes, 0) & 0x0fffu);
    type = kNetwork.u16(rest.bytes, 2);
    rest.take(4);
  }
  if (type == kIpv4Type || type == kIpv6Type) return ip(rest, out);
  if (type == kPppoeType) return after_pppoe(rest, out);
  if (type >= kFirstType) return FrameContent::other;
  // LLC and SNAP: aa aa 03, an organisation of zero, a type
  if (rest.bytes.size() < 8) return FrameContent::other;
  const auto b = rest.bytes;
  if (b[0] != 0xaa || b[1] != 0xaa || b[2] != 3 || (b[3] | b[4] | b[5]) != 0) return FrameContent::other;
  const std::uint16_t inner = kNetwork.u16(b, 6);
  rest.take(8);
  return inner == kIpv4Type || inner == kIpv6Type ? ip(rest, out) : FrameContent::other;
}

FrameContent behind(Rest rest, std::size_t type_at, std::size_t header, FramedPacket& out) noexcept {
  if (rest.bytes.size() < header) return FrameContent::cut_off;
  const std::uint16_t type = kNetwork.u16(rest.bytes, type_at);
  rest.take(header);
  return after_type(type, rest, out);
}

// 0 packet type: came, or was sent | 2 hardware | 4 address length | 6 address | 14 type
FrameContent after_cooked(Rest rest, FramedPacket& out) noexcept {
  if (rest.bytes.size() >= 2) rest.seen_at = kNetwork.u16(rest.bytes, 0);
  return behind(rest, 14, 16, out);
}

// 0 type | 2 reserved | 4 interface | 8 hardware | 10 packet type | 11 address length | 12 address
FrameContent after_cooked2(Rest rest, FramedPacket& out) noexcept {
  if (rest.bytes.size() > 10) rest.seen_at = kNetwork.u32(rest.bytes, 4) << 8 | rest.bytes[10];
  return behind(rest, 0, 20, out);
}

// Four bytes of an address family, in the byte order of the machine that captured: AF_INET is 2 everywhere, AF_INET6
// 10 (Linux), 24 (NetBSD, OpenBSD), 28 (FreeBSD) or 30 (macOS).
FrameContent after_family(Rest rest, FramedPacket& out) noexcept {
  if (rest.bytes.size() < 4) return FrameContent::cut_off;
  bool is_ip = false;
  for (const bool big : {false, true}) {
    const std::uint32_t family = ByteOrder{big}.u32(rest.bytes, 0);
    is_ip = is_ip || family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
  }
  rest.take(4);
  return is_ip ? ip(rest, out) : FrameContent::other;
}

}  // namespace

FrameContent find_packet(std::uint16_t type, std::span<const std::uint8_t> frame, std::uint32_t original_length,
                         FramedPacket& out) noexcept {
  const Rest rest{frame, original_length};
  switch (type) {
    case link_type::kEthernet: return behind(rest, 12, 14, out);
    case link_type::kCooked: return after_cooked(rest, out);
    case link_type::kCooked2: return after_cooked2(rest, out);
    case link_type::kNull:
    case link_type::kLoop: return after_family(rest, out);
    case link_type::kRaw:
    case link_type::kRawBsd:
    case link_type::kRawOpenBsd:
    case link_type::kIpv4:
    case link_type::kIpv6: return ip(rest, out);
    default: return FrameContent::unknown_link;
  }
}

std::string known_link_types() {
  return "Ethernet (1), Linux cooked (113, 276), raw IP (101, 12, 14, 228, 229), null and loopback (0, 108)";
}

}  // namespace wobble::daemon
