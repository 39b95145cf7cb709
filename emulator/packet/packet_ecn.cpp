#include "emulator/packet/packet_ecn.h"

namespace wobble {
namespace {

constexpr std::uint8_t kCongestionExperienced = 3;

/// In IPv6 the field lies across bits 4 and 5 of the second byte.
int shift_for(std::span<const std::uint8_t> packet) noexcept { return packet[0] >> 4 == 6 ? 4 : 0; }

std::uint8_t codepoint(std::span<const std::uint8_t> packet) noexcept {
  return (packet[1] >> shift_for(packet)) & kCongestionExperienced;
}

}  // namespace

bool is_ecn_capable(std::span<const std::uint8_t> packet) noexcept {
  return packet.size() >= 2 && codepoint(packet) != 0;
}

bool mark_congestion(std::span<std::uint8_t> packet) noexcept {
  const std::uint8_t before = codepoint(packet);
  if (before == 0) return false;
  const std::uint8_t added = static_cast<std::uint8_t>(kCongestionExperienced ^ before);
  packet[1] = static_cast<std::uint8_t>(packet[1] | added << shift_for(packet));
  if (packet[0] >> 4 == 6) return true;
  // What is added to a word is taken from the checksum, in one's complement (RFC 1624).
  std::uint32_t sum = static_cast<std::uint32_t>(packet[10] << 8 | packet[11]) + 0xffffU - added;
  if (sum >= 0xffff) ++sum;
  packet[10] = static_cast<std::uint8_t>(sum >> 8);
  packet[11] = static_cast<std::uint8_t>(sum & 0xff);
  return true;
}

}  // namespace wobble
