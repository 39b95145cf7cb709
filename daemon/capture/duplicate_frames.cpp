#include "daemon/capture/duplicate_frames.h"

#include <cstring>

#include "daemon/capture/byte_order.h"
#include "emulator/random.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kMostRemembered = 65'536;

std::uint64_t hash_of(std::span<const std::uint8_t> bytes, std::uint64_t hash) {
  while (bytes.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), 8);
    hash = mix64(hash ^ word) + 0x9e3779b97f4a7c15ULL;
    bytes = bytes.subspan(8);
  }
  std::uint64_t last = bytes.size();
  for (const std::uint8_t byte : bytes) last = last << 8 | byte;
  return mix64(hash ^ last);
}

/// Without the time to live (hop limit), the traffic class, and the IPv4 header's checksum.
std::uint64_t hash_of(const PacketView& packet) {
  const auto bytes = packet.bytes;
  if (packet.version == 6) return hash_of(bytes.subspan(8), hash_of(bytes.subspan(4, 3), 6));
  const std::uint64_t head = hash_of(bytes.subspan(2, 6), 4);  // length, identification, fragment
  return hash_of(bytes.subspan(12), hash_of(bytes.subspan(9, 1), head));
}

bool is_identified(const PacketView& packet) {
  return packet.version == 4 && ByteOrder{true}.u16(packet.bytes, 4) != 0;
}

}  // namespace

bool DuplicateFrames::is_second_view(const PacketView& packet, std::uint64_t way, std::int64_t at) {
  while (!order_.empty() && (at - order_.front().at >= kWindow || order_.size() > kMostRemembered)) {
    const auto found = by_hash_.find(order_.front().hash);
    if (found != by_hash_.end() && found->second.at == order_.front().at) by_hash_.erase(found);
    order_.pop_front();
  }
  const std::uint8_t hops = packet.version == 4 ? packet.bytes[8] : packet.bytes[7];
  const Seen seen{hash_of(packet), way << 8 | hops, at};
  const auto [place, is_new] = by_hash_.try_emplace(seen.hash, seen);
  if (is_new) {
    order_.push_back(seen);
    return false;
  }
  const bool takes_sequence = packet.is_tcp() && packet.tcp.sequence_length() > 0;
  return is_identified(packet) || takes_sequence || place->second.way != seen.way;
}

}  // namespace wobble::daemon
