#include "daemon/capture/checksum_policy.h"

#include "emulator/packet/ipv4_header.h"
#include "emulator/packet/packet_checksum.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kMostDirections = 65'536;  // later ones are not looked at
constexpr std::uint64_t kEnoughPackets = 1000;

bool is_right(const CapturedPacket& packet) {
  if (!packet.is_whole) return true;  // what was cut off cannot be summed
  if (packet.view.version == 4 && !is_ipv4_header_checksum_right(packet.view.bytes)) return false;
  return is_checksum_right(packet.view);
}

}  // namespace

std::optional<Checksums> parse_checksums(std::string_view text) {
  if (text == "verify") return Checksums::verify;
  if (text == "ignore") return Checksums::ignore;
  if (text == "auto") return Checksums::automatic;
  return std::nullopt;
}

ChecksumPolicy::Direction* ChecksumPolicy::find(const PacketView& packet) {
  const Hosts hosts{packet.source, packet.destination};
  if (of_latest_ != nullptr && latest_ == hosts) return of_latest_;
  const auto found = directions_.find(hosts);
  if (found == directions_.end()) return nullptr;
  latest_ = hosts;
  return of_latest_ = &found->second;
}

void ChecksumPolicy::look(const CapturedPacket& packet) {
  if (!packet.is_whole) return;
  Direction* direction = find(packet.view);
  if (direction != nullptr && direction->good + direction->bad >= kEnoughPackets) return;
  if (is_checksum_partial(packet.view)) return;
  if (direction == nullptr) {
    if (directions_.size() >= kMostDirections) return;
    direction = &directions_[{packet.view.source, packet.view.destination}];
  }
  ++(is_right(packet) ? direction->good : direction->bad);
}

bool ChecksumPolicy::is_bad(const CapturedPacket& packet) {
  if (mode_ == Checksums::ignore) return false;
  if (mode_ == Checksums::verify) return !is_right(packet);
  if (is_learning_) look(packet);
  const Direction* found = find(packet.view);
  if (found == nullptr) return false;
  const Direction& direction = *found;
  if (direction.bad == 0 || direction.bad >= 9 * direction.good) return false;
  return !is_right(packet) && !is_checksum_partial(packet.view);
}

}  // namespace wobble::daemon
