#include "emulator/packet/icmp_error.h"

#include "emulator/packet/header_sizes.h"
#include "emulator/packet/network_order.h"

namespace wobble {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kPortsAndSequence = 8;  // what every error quotes of a transport header (RFC 792)

/// What type and code say; false if a connection does not hear of them.
bool read_icmp(std::uint8_t type, std::uint8_t code, IcmpError& out) noexcept {
  constexpr std::uint8_t kUnreachable = 3, kTimeExceeded = 11, kParameterProblem = 12;
  constexpr std::uint8_t kNetwork = 0, kHost = 1, kProtocol = 2, kPort = 3, kFragmentationNeeded = 4, kLastCode = 15;
  if (type == kTimeExceeded || type == kParameterProblem) {
    out.ends_request = true;
    return true;
  }
  if (type != kUnreachable || code == kFragmentationNeeded || code > kLastCode) return false;
  out.is_refusal = code == kProtocol || code == kPort;
  out.ends_request = code == kNetwork || code == kHost;
  return true;
}

bool read_icmpv6(std::uint8_t type, std::uint8_t code, IcmpError& out) noexcept {
  constexpr std::uint8_t kUnreachable = 1, kTimeExceeded = 3, kParameterProblem = 4;
  constexpr std::uint8_t kNoRoute = 0, kBeyondScope = 2, kAddress = 3, kPort = 4;
  if (type == kTimeExceeded) return true;
  if (type == kParameterProblem) {
    out.ends_request = true;
    return true;
  }
  if (type != kUnreachable) return false;
  out.is_refusal = code == kPort;
  out.ends_request = code != kNoRoute && code != kBeyondScope && code != kAddress;
  return true;
}

/// The quoted IPv4 header; where the transport header begins, or nothing.
std::optional<std::size_t> read_ipv4(Bytes quoted, PacketView& out) noexcept {
  if (quoted.size() < kIpv4Header || quoted[0] >> 4 != 4) return std::nullopt;
  const std::size_t header_length = std::size_t{4} * (quoted[0] & 0x0f);
  const bool is_later_fragment = (read16(quoted, 6) & 0x1fff) != 0;
  if (header_length < kIpv4Header || is_later_fragment) return std::nullopt;
  out.protocol = quoted[9];
  out.source = IpAddress::v4(quoted.data() + 12);
  out.destination = IpAddress::v4(quoted.data() + 16);
  return header_length;
}

/// The same for IPv6; extension headers are walked as parse_packet() does.
std::optional<std::size_t> read_ipv6(Bytes quoted, PacketView& out) noexcept {
  using namespace extension_header;
  if (quoted.size() < kIpv6Header || quoted[0] >> 4 != 6) return std::nullopt;
  out.source = IpAddress::v6(quoted.data() + 8);
  out.destination = IpAddress::v6(quoted.data() + 24);
  out.protocol = quoted[6];
  std::size_t at = kIpv6Header;
  for (;;) {
    const bool is_options =
        out.protocol == kHopByHop || out.protocol == kRouting || out.protocol == kDestinationOptions;
    if (!is_options && out.protocol != kFragment) return at;
    if (quoted.size() - at < 8) return std::nullopt;
    if (out.protocol == kFragment && (read16(quoted, at + 2) & 0xfff8) != 0) return std::nullopt;
    const std::size_t length = is_options ? std::size_t{8} * (quoted[at + 1] + 1) : 8;
    if (length > quoted.size() - at) return std::nullopt;
    out.protocol = quoted[at];
    at += length;
  }
}

}  // namespace

std::optional<IcmpError> parse_icmp_error(const PacketView& packet) noexcept {
  const bool is_v4 = packet.version == 4;
  if (!packet.has_transport || packet.is_fragment || packet.protocol != (is_v4 ? kIcmp : kIcmpV6)) return std::nullopt;
  const Bytes message = packet.bytes.subspan(packet.transport_offset);
  if (message.size() < kIcmpHeader) return std::nullopt;
  IcmpError error;
  const bool is_heard = is_v4 ? read_icmp(message[0], message[1], error) : read_icmpv6(message[0], message[1], error);
  if (!is_heard) return std::nullopt;
  const Bytes quoted = message.subspan(kIcmpHeader);
  PacketView& about = error.about;
  about.version = packet.version;
  const std::optional<std::size_t> at = is_v4 ? read_ipv4(quoted, about) : read_ipv6(quoted, about);
  if (!at || about.protocol != kTcp || *at > quoted.size() || quoted.size() - *at < kPortsAndSequence)
    return std::nullopt;
  about.source_port = read16(quoted, *at);
  about.destination_port = read16(quoted, *at + 2);
  about.tcp.seq = std::uint32_t{read16(quoted, *at + 4)} << 16 | read16(quoted, *at + 6);
  return error;
}

}  // namespace wobble
