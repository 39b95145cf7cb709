#include "daemon/capture/checksum_policy.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kMostDirections = 65'536;  // later ones are not looked at

bool is_ipv4_header_right(std::span<const std::uint8_t> bytes) {
  std::uint32_t sum = 0;
  const std::size_t length = std::size_t{4} * (bytes[0] & 0x0f);
  for (std::size_t i = 0; i + 1 < length; i += 2) sum += std::uint32_t{bytes[i]} << 8 | bytes[i + 1];
  while (sum > 0xffff) sum = (sum >> 16) + (sum & 0xffff);
  return sum == 0xffff;
}

bool is_right(const CapturedPacket& packet) {
  if (!packet.is_whole) return true;  // what was cut off cannot be summed
  if (packet.view.version == 4 && !is_ipv4_header_right(packet.view.bytes)) return false;
  return is_checksum_right(packet.view);
}

}  // namespace

std::optional<Checksums> parse_checksums(std::string_view text) {
  if (text == "verify") return Checksums::verify;
  if (text == "ignore") return Checksums::ignore;
  if (text == "auto") return Checksums::automatic;
  return std::nullopt;
}

void ChecksumPolicy::look(const CapturedPacket& packet) {
  if (!packet.is_whole || is_checksum_partial(packet.view)) return;
  const auto key = std::pair(packet.view.source, packet.view.destination);
  if (directions_.size() >= kMostDirections && !directions_.contains(key)) return;
  Direction& direction = directions_[key];
  ++(is_right(packet) ? direction.good : direction.bad);
}

bool ChecksumPolicy::is_bad(const CapturedPacket& packet) {
  if (mode_ == Checksums::ignore) return false;
  if (mode_ == Checksums::verify) return !is_right(packet);
  if (is_learning_) look(packet);
  const auto found = directions_.find({packet.view.source, packet.view.destination});
  if (found == directions_.end()) return false;
  const Direction& direction = found->second;
  if (direction.bad == 0 || direction.bad >= 9 * direction.good) return false;
  return !is_right(packet) && !is_checksum_partial(packet.view);
}

}  // namespace wobble::daemon
