#include "daemon/capture/duplicate_frames.h"

#include <algorithm>
#include <utility>

#include "daemon/capture/byte_order.h"
#include "daemon/capture/quick_hash.h"

namespace wobble::daemon {
namespace {

/// Of a long packet the middle is left out: it has a checksum, and a number of its own or of its bytes.
std::uint64_t hash_of_rest(std::span<const std::uint8_t> bytes, std::uint64_t seed) {
  constexpr std::size_t kFront = 192, kBack = 64;
  if (bytes.size() <= kFront + kBack) return quick_hash(bytes, seed) | 1;
  return quick_hash(bytes.last(kBack), quick_hash(bytes.first(kFront), seed)) | 1;
}

/// Without the time to live (hop limit), the traffic class, and the IPv4 header's checksum.
std::uint64_t hash_of(const PacketView& packet) {
  const auto bytes = packet.bytes;
  if (packet.version == 6) {  // length and next header; the flow's label may change on the way
    const std::uint64_t head = std::uint64_t{bytes[4]} << 16 | bytes[5] << 8 | bytes[6];
    return hash_of_rest(bytes.subspan(8), mix64(head));
  }
  const std::uint64_t head = word_at(bytes.data() + 2) & 0xffff'ffff'ffff;  // length, identification, fragment
  return hash_of_rest(bytes.subspan(12), mix64(head << 8 ^ bytes[9]));
}

bool is_identified(const PacketView& packet) {
  return packet.version == 4 && ByteOrder{true}.u16(packet.bytes, 4) != 0;
}

}  // namespace

bool DuplicateFrames::is_second_view(const PacketView& packet, std::uint64_t way, std::int64_t at) {
  const std::uint8_t hops = packet.version == 4 ? packet.bytes[8] : packet.bytes[7];
  const Seen now{hash_of(packet), way, at, hops};
  const auto set = std::span(seen_).subspan((now.hash >> 32) % kSets * kWays, kWays);
  const auto same = std::ranges::find(set, now.hash, &Seen::hash);
  if (same == set.end()) {
    *std::ranges::min_element(set, {}, [](const Seen& one) { return std::pair(one.hash != 0, one.at); }) = now;
    return false;
  }
  const __int128 since = __int128{at} - same->at;
  if (since < kRoutedWindow && since > -kWindow && hops + 1 == same->hops) return true;
  if (since >= kWindow || since <= -kWindow) {
    *same = now;
    return false;
  }
  const bool takes_sequence = packet.is_tcp() && packet.tcp.sequence_length() > 0;
  return is_identified(packet) || takes_sequence || same->way != way || same->hops != hops;
}

}  // namespace wobble::daemon
