// The checksum of an IPv4 header (RFC 791 3.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emulator/packet/network_order.h"

namespace wobble {

/// Whether it is right. The packet must have been parsed.
inline bool is_ipv4_header_checksum_right(std::span<const std::uint8_t> packet) noexcept {
  const std::size_t length = std::size_t{4} * (packet[0] & 0x0f);
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < length; at += 2) sum += read16(packet, at);
  while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
  return sum == 0xffff;
}

}  // namespace wobble
