#include "emulator/connections/datagram_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "emulator/packet/header_sizes.h"
#include "emulator/packet/network_order.h"

namespace wobble {
namespace {

constexpr std::uint32_t kUnit = 8;  // in which fragments come

// Whether the headers of a datagram say which flow that belongs to.
bool names_flow(const PacketView& first) {
  using namespace extension_header;
  constexpr std::uint8_t kNotTransport[] = {
      kTcp, kUdp, kIcmp, kIcmpV6, kHopByHop, kRouting, kFragment, kAuthentication, kDestinationOptions};
  return first.has_transport || std::ranges::find(kNotTransport, first.protocol) == std::end(kNotTransport);
}

// When the later of the copies that are not dropped leaves; null if there is none.
const TimePoint* survivor(const Fate& fate) {
  const TimePoint* latest = nullptr;
  for (std::size_t copy = 0; copy < fate.copies; ++copy) {
    if (fate.lost[copy] != DropReason::none) continue;
    if (latest == nullptr || *latest < fate.release_at[copy]) latest = &fate.release_at[copy];
  }
  return latest;
}

}  // namespace

void Datagram::arrive(const Fragment& fragment, const PacketView& packet) noexcept {
  const DatagramCoverage::Outcome outcome = arrived.add(fragment);
  is_repeat = outcome == DatagramCoverage::Outcome::repeated;
  if (outcome == DatagramCoverage::Outcome::conflict) is_spoilt = true;
  if (outcome != DatagramCoverage::Outcome::fresh || has_headers || is_spoilt) return;
  keep(fragment, packet.bytes.subspan(fragment.payload_at));
  if (fragment.offset == 0) {
    has_first = true;
    place_of_first = fragment;
    is_spoilt = fragment.payload_at > kKept - kHead;
    if (!is_spoilt) std::copy_n(packet.bytes.begin(), fragment.payload_at, headers.begin());
  }
  if (has_first && !is_spoilt) read_headers();
}

void Datagram::keep(const Fragment& fragment, std::span<const std::uint8_t> payload) noexcept {
  for (std::uint32_t at = fragment.offset; at < kHead && at < fragment.end(); at += kUnit) {
    const std::uint32_t n = std::min(kUnit, fragment.end() - at);
    std::copy_n(payload.begin() + (at - fragment.offset), n, head.begin() + at);
    head_units |= 1u << (at / kUnit);
  }
}

std::uint32_t Datagram::head_size() const noexcept {
  const auto size = kUnit * static_cast<std::uint32_t>(std::countr_one(head_units));
  return arrived.total() == 0 ? size : std::min(size, arrived.total());
}

// As if the first fragment had what there is of the head without a gap: no more is needed if that names the flow.
void Datagram::read_headers() noexcept {
  const std::uint32_t size = head_size();
  const std::uint32_t end = place_of_first.payload_at + size;
  std::copy_n(head.begin(), size, headers.begin() + place_of_first.payload_at);
  const bool is_v6 = headers[0] >> 4 == 6;
  write16(headers, is_v6 ? 4 : 2, is_v6 ? end - kIpv6Header : end);
  const bool is_read = parse_packet(std::span(headers).first(end), first) == ParseError::none && names_flow(first);
  if (!is_read) {
    is_spoilt = size == kHead || size == arrived.total();
    return;
  }
  const bool is_first_enough = first.payload_offset <= place_of_first.payload_at + place_of_first.length;
  if (!is_first_enough) unclaimed.header_bytes = first.payload_offset - place_of_first.payload_at;
  place_of_first.length = size;
  first.bytes = first.bytes.first(first.payload_offset);
  has_headers = true;
}

bool Datagram::is_whole() const noexcept {
  return has_headers && !is_spoilt && arrived.is_complete() &&
         place_of_first.unfragmentable + arrived.total() <= kMaxIpPacket;
}

PacketView Datagram::whole() const noexcept {
  PacketView packet = first;
  packet.length = place_of_first.unfragmentable + arrived.total();
  if (packet.is_tcp()) packet.tcp.length += arrived.total() - place_of_first.length;
  return packet;
}

void Datagram::meet(const Fate& one) noexcept {
  if (is_repeat) return;
  fate.reordered |= one.reordered;
  const TimePoint* released = survivor(one);
  if (released != nullptr) fate.release_at[0] = std::max(fate.release_at[0], *released);
  if (released == nullptr && !fate.is_dropped()) fate.dropped = fate.lost[0] = one.dropped;
  fate.corrupted |= released != nullptr && one.corrupted;
}

bool Datagram::land(const Fragment& fragment, const Fate& one, std::uint8_t copy) noexcept {
  if (delivered.add(fragment) != DatagramCoverage::Outcome::fresh) return false;
  landing.corrupted |= one.corrupted;
  landing.reordered |= one.reordered;
  landing.release_at[0] = std::max(landing.release_at[0], one.release_at[copy]);
  if (!delivered.is_complete()) return false;
  delivered.clear();
  is_delivered = true;
  return true;
}

DatagramTable::DatagramTable(HashKey hash_key)
    : hash_key_(hash_key), datagrams_(std::size_t{kMost} + 1), buckets_(kBuckets) {}

std::uint32_t& DatagramTable::bucket(const DatagramKey& key, Side side) noexcept {
  std::uint64_t words[5];
  std::memcpy(words, key.source.bytes.data(), 16);
  std::memcpy(words + 2, key.destination.bytes.data(), 16);
  words[4] = key.identification | std::uint64_t{key.protocol} << 32 | static_cast<std::uint64_t>(side) << 40;
  return buckets_[siphash(hash_key_, words) % kBuckets];
}

std::uint32_t DatagramTable::newest_of(const DatagramKey& key, Side side) noexcept {
  std::uint32_t index = bucket(key, side);
  while (index != 0 && !(datagrams_[index].key == key && datagrams_[index].arrived_on == side)) {
    index = datagrams_[index].chain;
  }
  return index;
}

Datagram& DatagramTable::arrive(const Fragment& fragment, Side side, TimePoint now) noexcept {
  if (const std::uint32_t index = newest_of(fragment.key, side)) {
    Datagram& datagram = datagrams_[index];
    const bool is_repeated = fragment.offset != 0 && datagram.arrived.has(fragment);
    const bool is_in_time = now - datagram.since <= kPatience;
    if (datagram.is_sent ? is_repeated : is_in_time) return datagram;
    if (!datagram.is_sent) erase(datagram);
  }
  return insert(fragment.key, side, now);
}

Datagram* DatagramTable::find(const DatagramKey& key, Side side, TimePoint arrived) noexcept {
  for (std::uint32_t index = newest_of(key, side); index != 0; index = datagrams_[index].chain) {
    Datagram& datagram = datagrams_[index];
    if (datagram.key == key && datagram.arrived_on == side && datagram.since <= arrived) return &datagram;
  }
  return nullptr;
}

Datagram& DatagramTable::insert(const DatagramKey& key, Side side, TimePoint now) noexcept {
  if (size_ == kMost) erase(datagrams_[oldest_]);
  std::uint32_t index = free_;
  if (index != 0) {
    free_ = datagrams_[index].chain;
  } else {
    index = ++fresh_;
  }
  ++size_;
  Datagram& datagram = datagrams_[index];
  static_cast<DatagramFacts&>(datagram) = DatagramFacts();
  datagram.arrived.clear();
  datagram.delivered.clear();
  datagram.key = key;
  datagram.arrived_on = side;
  datagram.since = now;
  std::uint32_t& head = bucket(key, side);
  datagram.chain = head;
  head = index;
  datagram.older = newest_;
  (newest_ != 0 ? datagrams_[newest_].newer : oldest_) = index;
  newest_ = index;
  return datagram;
}

void DatagramTable::erase(Datagram& datagram) noexcept {
  const auto index = static_cast<std::uint32_t>(&datagram - &datagrams_[0]);
  std::uint32_t* link = &bucket(datagram.key, datagram.arrived_on);
  while (*link != index) link = &datagrams_[*link].chain;
  *link = datagram.chain;
  (datagram.older != 0 ? datagrams_[datagram.older].newer : oldest_) = datagram.newer;
  (datagram.newer != 0 ? datagrams_[datagram.newer].older : newest_) = datagram.older;
  datagram.chain = free_;
  free_ = index;
  --size_;
}

void DatagramTable::clear() noexcept {
  while (oldest_ != 0) erase(datagrams_[oldest_]);
}

}  // namespace wobble
