#include "emulator/packet/packet_checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "emulator/packet/header_sizes.h"
#include "emulator/packet/network_order.h"

namespace wobble {
namespace {

/// Where the checksum stands and what it covers.
struct Coverage {
  std::size_t field = 0;  ///< from the start of the packet
  std::size_t length = 0;
};

std::uint16_t fold(std::uint64_t sum) noexcept {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// The sum of the 16-bit words, folded. The order of bytes within a word may be changed before adding and after (RFC
/// 1071 1 (B)), so they are added as the machine reads them, four at once.
std::uint64_t sum_of(std::span<const std::uint8_t> bytes) noexcept {
  std::uint64_t even = 0, odd = 0, word = 0;
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= sizeof word; at += sizeof word, left -= sizeof word) {
    std::memcpy(&word, at, sizeof word);
    even += word & 0xffff'ffff;
    odd += word >> 32;
  }
  word = 0;
  std::memcpy(&word, at, left);
  even += word & 0xffff'ffff;
  odd += word >> 32;
  const std::uint16_t sum = fold(even + odd);
  return std::endian::native == std::endian::big ? sum : __builtin_bswap16(sum);
}

bool has_coverage(const PacketView& packet) noexcept { return packet.has_transport && !packet.is_fragment; }

Coverage coverage_of(const PacketView& packet) noexcept {
  const std::size_t at = packet.transport_offset;
  const std::size_t rest = packet.bytes.size() - at;
  if (packet.protocol == kTcp) return {at + kTcpChecksum, rest};
  if (packet.protocol == kUdp) return {at + kUdpChecksum, std::min<std::size_t>(read16(packet.bytes, at + 4), rest)};
  return {at + 2, rest};
}

/// The address the packet is for in the end, which a routing header with segments left names (RFC 8200 8.1). The
/// chain was walked by parse_packet(), so its lengths are sound.
std::span<const std::uint8_t> final_destination(const PacketView& packet) noexcept {
  using namespace extension_header;
  constexpr std::uint8_t kSegmentRouting = 4;
  const auto bytes = packet.bytes;
  auto destination = bytes.subspan(24, 16);
  std::uint8_t next = bytes[6];
  for (std::size_t at = kIpv6Header; at < packet.transport_offset;) {
    std::size_t length = std::size_t{8} * (bytes[at + 1] + 1);
    if (next == kAuthentication) length = std::size_t{4} * (bytes[at + 1] + 2);
    if (next == kFragment) length = 8;
    const bool is_on_its_way = next == kRouting && length >= 24 && bytes[at + 3] != 0;
    // A segment list is written backwards (RFC 8754 2); the older types end with the destination.
    if (is_on_its_way) destination = bytes.subspan(bytes[at + 2] == kSegmentRouting ? at + 8 : at + length - 16, 16);
    next = bytes[at];
    at += length;
  }
  return destination;
}

std::uint64_t pseudo_header_sum(const PacketView& packet, std::size_t length) noexcept {
  if (packet.protocol == kIcmp) return 0;
  const std::uint64_t rest = packet.protocol + static_cast<std::uint64_t>(length);
  if (packet.version == 4) return rest + sum_of(packet.bytes.subspan(12, 8));
  return rest + sum_of(packet.bytes.subspan(8, 16)) + sum_of(final_destination(packet));
}

std::uint64_t whole_sum(const PacketView& packet, const Coverage& coverage) noexcept {
  return pseudo_header_sum(packet, coverage.length) +
         sum_of(packet.bytes.subspan(packet.transport_offset, coverage.length));
}

}  // namespace

bool is_checksum_right(const PacketView& packet) noexcept {
  if (!has_coverage(packet)) return true;
  const Coverage coverage = coverage_of(packet);
  // In UDP 0 says "not computed": fine over IPv4 (RFC 768), to be discarded over IPv6 (RFC 8200 8.1).
  if (packet.protocol == kUdp && read16(packet.bytes, coverage.field) == 0) return packet.version == 4;
  return fold(whole_sum(packet, coverage)) == 0xffff;
}

bool is_checksum_partial(const PacketView& packet) noexcept {
  if (!has_coverage(packet) || (packet.protocol != kTcp && packet.protocol != kUdp)) return false;
  const Coverage coverage = coverage_of(packet);
  return read16(packet.bytes, coverage.field) == fold(pseudo_header_sum(packet, coverage.length));
}

void write_checksum(const PacketView& packet, std::span<std::uint8_t> bytes) noexcept {
  if (!has_coverage(packet)) return;
  const Coverage coverage = coverage_of(packet);
  bytes[coverage.field] = bytes[coverage.field + 1] = 0;
  std::uint16_t checksum = static_cast<std::uint16_t>(~fold(whole_sum(packet, coverage)));
  if (checksum == 0 && packet.protocol == kUdp) checksum = 0xffff;
  bytes[coverage.field] = static_cast<std::uint8_t>(checksum >> 8);
  bytes[coverage.field + 1] = static_cast<std::uint8_t>(checksum & 0xff);
}

void write_partial_checksum(const PacketView& packet, std::span<std::uint8_t> bytes) noexcept {
  write_partial_checksum(packet, bytes, coverage_of(packet).length);
}

void write_partial_checksum(const PacketView& packet, std::span<std::uint8_t> bytes, std::size_t length) noexcept {
  const std::size_t field = packet.transport_offset + (packet.protocol == kTcp ? std::size_t{16} : std::size_t{6});
  const std::uint16_t sum = fold(pseudo_header_sum(packet, length));
  bytes[field] = static_cast<std::uint8_t>(sum >> 8);
  bytes[field + 1] = static_cast<std::uint8_t>(sum & 0xff);
}

void write_ipv4_header_checksum(std::span<std::uint8_t> packet) noexcept {
  const std::size_t header_length = std::size_t{4} * (packet[0] & 0x0f);
  packet[10] = packet[11] = 0;
  const auto checksum = static_cast<std::uint16_t>(~fold(sum_of(packet.first(header_length))));
  packet[10] = static_cast<std::uint8_t>(checksum >> 8);
  packet[11] = static_cast<std::uint8_t>(checksum & 0xff);
}

}  // namespace wobble
