// Reading of headers. The rule that keeps it safe: a header is read only after its whole length was compared with what
// is left of `bytes`, and `at` only ever moves forward within it.
//
// A fragment is treated with patience: where a whole packet would be refused because its transport header is cut off, a
// fragment is forwarded without one, as a router would do. A whole packet that is cut off is refused.

#include "emulator/packet/packet.h"

#include "emulator/packet/header_sizes.h"
#include "emulator/packet/network_order.h"

namespace wobble {
namespace {

/// What it means that a header does not fit into what is left.
ParseError incomplete(const PacketView& view) noexcept {
  return view.is_fragment ? ParseError::none : ParseError::truncated;
}

void set_transport(PacketView& view, std::size_t at, std::size_t header_length) noexcept {
  view.has_transport = true;
  view.transport_offset = static_cast<std::uint16_t>(at);
  view.payload_offset = static_cast<std::uint16_t>(at + header_length);
}

std::size_t tcp_header_length(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  return std::size_t{4} * (bytes[at + 12] >> 4);
}

ParseError parse_tcp(PacketView& view, std::size_t at) noexcept {
  const auto bytes = view.bytes;
  if (bytes.size() - at < kTcpHeader) return incomplete(view);
  const std::size_t header_length = tcp_header_length(bytes, at);
  if (header_length < kTcpHeader) return ParseError::bad_header_length;
  if (header_length > bytes.size() - at) return view.is_fragment ? ParseError::none : ParseError::bad_header_length;
  set_transport(view, at, header_length);
  view.source_port = read16(bytes, at);
  view.destination_port = read16(bytes, at + 2);
  view.tcp = read_tcp_segment(bytes, at);
  return ParseError::none;
}

// RFC 768:  0 source port | 2 destination port | 4 length | 6 checksum
ParseError parse_udp(PacketView& view, std::size_t at) noexcept {
  const auto bytes = view.bytes;
  if (bytes.size() - at < kUdpHeader) return incomplete(view);
  const std::size_t length = read16(bytes, at + 4);
  if (length < kUdpHeader) return ParseError::bad_header_length;
  if (length > bytes.size() - at && !view.is_fragment) return ParseError::truncated;
  set_transport(view, at, kUdpHeader);
  view.source_port = read16(bytes, at);
  view.destination_port = read16(bytes, at + 2);
  return ParseError::none;
}

// RFC 792, RFC 4443:  0 type | 1 code | 2 checksum | 4 identifier (echo)
ParseError parse_icmp(PacketView& view, std::size_t at) noexcept {
  const auto bytes = view.bytes;
  if (bytes.size() - at < kIcmpHeader) return incomplete(view);
  set_transport(view, at, kIcmpHeader);
  const std::uint8_t type = bytes[at];
  const bool is_echo = view.version == 4 ? type == 8 || type == 0 : type == 128 || type == 129;
  if (is_echo) view.source_port = view.destination_port = read16(bytes, at + 4);
  return ParseError::none;
}

ParseError parse_transport(PacketView& view, std::size_t at) noexcept {
  view.transport_offset = view.payload_offset = static_cast<std::uint16_t>(at);
  if (view.protocol == kTcp) return parse_tcp(view, at);
  if (view.protocol == kUdp) return parse_udp(view, at);
  if (view.protocol == (view.version == 4 ? kIcmp : kIcmpV6)) return parse_icmp(view, at);
  return ParseError::none;
}

ParseError without_transport(PacketView& view, std::size_t at) noexcept {
  view.transport_offset = view.payload_offset = static_cast<std::uint16_t>(at);
  return incomplete(view);
}

/// Skips what stands between the IP header and the transport header: in IPv6 any extension header, in IPv4 the
/// authentication header only. Each takes at least eight bytes, so the walk ends.
ParseError parse_chain(PacketView& view, std::size_t at) noexcept {
  const auto bytes = view.bytes;
  for (;;) {
    using namespace extension_header;
    const bool is_options =
        view.protocol == kHopByHop || view.protocol == kRouting || view.protocol == kDestinationOptions;
    const bool is_ipv6_header = view.version == 6 && (is_options || view.protocol == kFragment);
    if (!is_ipv6_header && view.protocol != kAuthentication) return parse_transport(view, at);

    const std::size_t rest = bytes.size() - at;
    if (rest < 8) return without_transport(view, at);
    std::size_t length = 8;
    if (view.protocol == kAuthentication) {
      length = std::size_t{4} * (bytes[at + 1] + 2);
    } else if (is_options) {
      length = std::size_t{8} * (bytes[at + 1] + 1);
    }
    if (length > rest) return without_transport(view, at);

    if (view.protocol == kFragment) {
      const std::uint16_t field = read16(bytes, at + 2);  // offset in units of 8 (13 bits), reserved (2), more (1)
      if ((field & 0xfff9) != 0) view.is_fragment = true;
      if ((field & 0xfff8) != 0) {
        view.protocol = bytes[at];
        return without_transport(view, at + length);
      }
    }
    view.protocol = bytes[at];
    at += length;
  }
}

// RFC 791:  0 version, IHL | 2 total length | 6 flags (3 bits), fragment offset | 9 protocol | 12 source | 16
// destination
ParseError parse_ipv4(std::span<const std::uint8_t> bytes, PacketView& view) noexcept {
  if (bytes.size() < kIpv4Header) return ParseError::truncated;
  const std::size_t header_length = std::size_t{4} * (bytes[0] & 0x0f);
  const std::size_t total_length = read16(bytes, 2);
  if (header_length < kIpv4Header || header_length > total_length) return ParseError::bad_header_length;
  if (total_length > bytes.size()) return ParseError::truncated;
  view.bytes = bytes.first(total_length);
  view.length = static_cast<std::uint32_t>(total_length);
  view.protocol = bytes[9];
  view.source = IpAddress::v4(bytes.data() + 12);
  view.destination = IpAddress::v4(bytes.data() + 16);
  const std::uint16_t field = read16(bytes, 6);
  view.is_fragment = (field & 0x3fff) != 0;
  if ((field & 0x1fff) != 0) return without_transport(view, header_length);
  return parse_chain(view, header_length);
}

// RFC 8200 3:  0 version | 4 payload length | 6 next header | 8 source | 24 destination
ParseError parse_ipv6(std::span<const std::uint8_t> bytes, PacketView& view) noexcept {
  if (bytes.size() < kIpv6Header) return ParseError::truncated;
  const std::size_t total_length = kIpv6Header + read16(bytes, 4);
  if (total_length > bytes.size()) return ParseError::truncated;
  view.bytes = bytes.first(total_length);
  view.length = static_cast<std::uint32_t>(total_length);
  view.protocol = bytes[6];
  view.source = IpAddress::v6(bytes.data() + 8);
  view.destination = IpAddress::v6(bytes.data() + 24);
  return parse_chain(view, kIpv6Header);
}

constexpr std::uint8_t kSackBlocks = 5;  // the kind of a TCP option

/// Calls `use` with each option, kind, length and value, that does not lie about its length.
template <typename Use>
void for_each_option(const PacketView& packet, const Use& use) noexcept {
  const auto list = packet.bytes.first(packet.payload_offset).subspan(packet.transport_offset + kTcpHeader);
  constexpr std::uint8_t kEnd = 0, kNoOperation = 1;
  for (std::size_t at = 0; at < list.size() && list[at] != kEnd;) {
    if (list[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (list.size() - at < 2) break;
    const std::size_t length = list[at + 1];
    if (length < 2 || length > list.size() - at) break;
    use(list.subspan(at, length));
    at += length;
  }
}

/// Reads one option whose length was checked; `option` spans kind, length and value.
void read_option(std::span<const std::uint8_t> option, TcpOptions& out) noexcept {
  constexpr std::uint8_t kMss = 2, kWindowScale = 3, kSackPermitted = 4, kTimestamps = 8, kMultipath = 30,
                         kFastOpen = 34, kExperiment = 254;
  constexpr std::uint16_t kFastOpenMagic = 0xf989;  // RFC 7413 A.1, before it had a number
  switch (option[0]) {
    case kMss:
      if (option.size() == 4) out.mss = read16(option, 2);
      break;
    case kWindowScale:
      if (option.size() != 3) break;
      out.has_window_scale = true;
      out.window_scale = option[2];
      break;
    case kSackPermitted: out.sack_permitted = option.size() == 2; break;
    case kSackBlocks: out.has_sack_blocks = option.size() >= 10; break;
    case kTimestamps:
      if (option.size() != 10) break;
      out.has_timestamps = true;
      out.ts_value = read32(option, 2);
      out.ts_echo = read32(option, 6);
      break;
    case kMultipath: out.multipath = true; break;
    case kFastOpen:
      out.fast_open = true;
      out.fast_open_cookie = option.size() > 2;
      break;
    case kExperiment:
      if (option.size() < 4 || read16(option, 2) != kFastOpenMagic) break;
      out.fast_open = true;
      out.fast_open_cookie = option.size() > 4;
      break;
    default: break;
  }
}

}  // namespace

// RFC 9293 3.1:  0 source port | 2 destination port | 4 sequence | 8 acknowledgment
//                12 data offset (4 bits), reserved, AE CWR ECE URG ACK PSH RST SYN FIN | 14 window | 16 checksum
TcpSegment read_tcp_segment(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  TcpSegment segment;
  segment.seq = read32(bytes, at + 4);
  segment.ack = read32(bytes, at + 8);
  segment.flags = read16(bytes, at + 12) & 0x1ff;
  segment.window = read16(bytes, at + 14);
  segment.length = static_cast<std::uint32_t>(bytes.size() - at - tcp_header_length(bytes, at));
  return segment;
}

ParseError parse_packet(std::span<const std::uint8_t> bytes, PacketView& out) noexcept {
  out = PacketView{};
  if (bytes.empty()) return ParseError::empty;
  out.version = bytes[0] >> 4;
  if (out.version == 4) return parse_ipv4(bytes, out);
  if (out.version == 6) return parse_ipv6(bytes, out);
  return ParseError::bad_version;
}

TcpOptions parse_tcp_options(const PacketView& packet) noexcept {
  TcpOptions options;
  if (!packet.is_tcp()) return options;
  for_each_option(packet, [&](std::span<const std::uint8_t> option) { read_option(option, options); });
  options.are_cut = packet.has_cut_options;
  return options;
}

SackBlocks parse_sack_blocks(const PacketView& packet) noexcept {
  SackBlocks blocks;
  if (!packet.is_tcp()) return blocks;
  for_each_option(packet, [&](std::span<const std::uint8_t> option) {
    if (option[0] != kSackBlocks) return;
    for (std::size_t at = 2; at + 8 <= option.size() && blocks.count < SackBlocks::kMax; at += 8)
      blocks.items[blocks.count++] = {read32(option, at), read32(option, at + 4)};
  });
  return blocks;
}

const char* to_string(Side side) noexcept { return side == Side::near ? "near" : "far"; }

const char* to_string(Direction direction) noexcept { return direction == Direction::up ? "up" : "down"; }

const char* to_string(ParseError error) noexcept {
  switch (error) {
    case ParseError::none: return "none";
    case ParseError::empty: return "empty";
    case ParseError::bad_version: return "bad_version";
    case ParseError::truncated: return "truncated";
    case ParseError::bad_header_length: return "bad_header_length";
    case ParseError::bad_offload: return "bad_offload";
  }
  return "?";
}

}  // namespace wobble
