#include "emulator/link/originated.h"

#include <algorithm>
#include <cstring>

#include "emulator/packet/header_sizes.h"
#include "emulator/packet/network_order.h"
#include "emulator/packet/packet_checksum.h"

namespace wobble {
namespace {

constexpr std::size_t kMaxQuoting[] = {576, 1280};  // IPv4, IPv6: of the whole message
constexpr std::uint8_t kHopLimit = 64;
constexpr std::uint8_t kInternetworkControl = 0xc0;  // the precedence of errors (RFC 1812 4.3.2.5)

/// An IP header without options before `body` bytes; answers with its length.
std::size_t write_ip(std::span<std::uint8_t> out, std::uint8_t protocol, std::uint8_t service, const IpAddress& from,
                     const IpAddress& to, std::size_t body, bool is_v4) noexcept {
  if (is_v4) {
    std::fill_n(out.begin(), kIpv4Header, std::uint8_t{0});
    out[0] = 0x45;
    out[1] = service;
    write16(out, 2, static_cast<std::uint32_t>(kIpv4Header + body));
    write16(out, 6, 0x4000);  // never fragmented, so that its identification may be 0 (RFC 6864 4.1)
    out[8] = kHopLimit;
    out[9] = protocol;
    std::memcpy(out.data() + 12, from.bytes.data() + 12, 4);
    std::memcpy(out.data() + 16, to.bytes.data() + 12, 4);
    write_ipv4_header_checksum(out);
    return kIpv4Header;
  }
  std::fill_n(out.begin(), kIpv6Header, std::uint8_t{0});
  out[0] = 0x60;
  write16(out, 4, static_cast<std::uint32_t>(body));
  out[6] = protocol;
  out[7] = kHopLimit;
  std::memcpy(out.data() + 8, from.bytes.data(), 16);
  std::memcpy(out.data() + 24, to.bytes.data(), 16);
  return kIpv6Header;
}

void finish(std::span<std::uint8_t> packet) noexcept {
  PacketView view;
  if (parse_packet(packet, view) == ParseError::none) write_checksum(view, packet);
}

bool is_icmp_error(const PacketView& packet) noexcept {
  const std::uint8_t type = packet.transport_offset < packet.bytes.size() ? packet.bytes[packet.transport_offset] : 0;
  if (packet.version == 6) return packet.protocol == kIcmpV6 && type < 128;
  constexpr std::uint8_t kQueries[] = {0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43};
  return packet.protocol == kIcmp && std::find(std::begin(kQueries), std::end(kQueries), type) == std::end(kQueries);
}

/// An address of one host: neither unspecified nor multicast, loopback or limited broadcast.
bool is_host(const IpAddress& address, bool is_v4) noexcept {
  if (is_v4) return address.bytes[12] != 0 && address.bytes[12] != 127 && address.bytes[12] < 224;
  return address.bytes[0] != 0xff && address != IpAddress{};
}

}  // namespace

bool may_be_reported(const PacketView& packet) noexcept {
  const bool is_v4 = packet.version == 4;
  if (!is_host(packet.source, is_v4) || !is_host(packet.destination, is_v4)) return false;
  return !(packet.is_fragment && !packet.has_transport) && !is_icmp_error(packet);
}

std::size_t write_too_big(const PacketView& packet, std::uint32_t mtu, const IpAddress& source,
                          std::span<std::uint8_t> out) noexcept {
  const bool is_v4 = packet.version == 4;
  const std::size_t headers = (is_v4 ? kIpv4Header : kIpv6Header) + kIcmpHeader;
  const std::size_t quoted = std::min(packet.bytes.size(), kMaxQuoting[is_v4 ? 0 : 1] - headers);
  const std::size_t at =
      write_ip(out, is_v4 ? kIcmp : kIcmpV6, kInternetworkControl, source, packet.source, kIcmpHeader + quoted, is_v4);
  out[at] = is_v4 ? 3 : 2;
  out[at + 1] = is_v4 ? 4 : 0;
  write16(out, at + 2, 0);
  write32(out, at + 4, mtu);
  std::memcpy(out.data() + headers, packet.bytes.data(), quoted);
  finish(out.first(headers + quoted));
  return headers + quoted;
}

std::size_t write_reset(const PacketView& segment, std::span<std::uint8_t> out) noexcept {
  const TcpSegment& tcp = segment.tcp;
  if (!segment.is_tcp() || tcp.has(tcp_flag::kRst)) return 0;
  const std::size_t at = write_ip(out, kTcp, 0, segment.destination, segment.source, kTcpHeader, segment.version == 4);
  const bool has_ack = tcp.has(tcp_flag::kAck);
  std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at), kTcpHeader, std::uint8_t{0});
  write16(out, at, segment.destination_port);
  write16(out, at + 2, segment.source_port);
  write32(out, at + 4, has_ack ? tcp.ack : 0);
  write32(out, at + 8, has_ack ? 0 : tcp.seq + tcp.sequence_length());
  write16(out, at + 12, 0x5000 | tcp_flag::kRst | (has_ack ? 0 : tcp_flag::kAck));
  finish(out.first(at + kTcpHeader));
  return at + kTcpHeader;
}

}  // namespace wobble
