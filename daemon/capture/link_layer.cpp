#include "daemon/capture/link_layer.h"

#include <cstdio>

#include "daemon/capture/capture_reader.h"
#include "daemon/capture/frame_rest.h"
#include "daemon/capture/link_layer_wifi.h"

namespace wobble::daemon {
namespace {

// 0 packet type: came, or was sent | 2 hardware | 4 address length | 6 address | 14 type
FrameContent after_cooked(FrameRest rest, FramedPacket& out) noexcept {
  if (rest.has(2)) rest.seen_at = rest.u16(0);
  return after_type_at(rest, 14, 16, out);
}

// 0 type | 2 reserved | 4 interface | 8 hardware | 10 packet type | 11 address length | 12 address
FrameContent after_cooked2(FrameRest rest, FramedPacket& out) noexcept {
  if (rest.has(11)) rest.seen_at = kNetworkOrder.u32(rest.bytes, 4) << 8 | rest.bytes[10];
  return after_type_at(rest, 0, 20, out);
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
    case link_type::kCiscoHdlc: return after_type_at(rest, 2, 4, out);  // 0 address | 1 control | 2 type
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
