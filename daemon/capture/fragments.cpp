#include "daemon/capture/fragments.h"

#include <algorithm>

#include "daemon/capture/byte_order.h"

namespace wobble::daemon {
namespace {

constexpr ByteOrder kNetwork{true};
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kLongest = 65'535;
constexpr std::uint8_t kFragmentHeader = 44;

void write16(std::vector<std::uint8_t>& bytes, std::size_t at, std::size_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

}  // namespace

std::optional<FragmentTable::Place> FragmentTable::place_of(const PacketView& fragment) {
  if (fragment.version == 6) return place_of_v6(fragment);
  const auto bytes = fragment.bytes;
  const std::uint16_t field = kNetwork.u16(bytes, 6);
  Place place;
  place.key = {fragment.source, fragment.destination, kNetwork.u16(bytes, 4), bytes[9]};
  place.offset = (field & 0x1fffu) * 8;
  place.is_last = (field & 0x2000) == 0;
  place.unfragmentable = place.payload_at = std::size_t{4} * (bytes[0] & 0x0f);
  place.next_header = bytes[9];
  return place;
}

// The packet was parsed, so its chain of headers is sound as far as the fragment header.
std::optional<FragmentTable::Place> FragmentTable::place_of_v6(const PacketView& fragment) {
  const auto bytes = fragment.bytes;
  std::size_t next_at = 6;
  std::size_t at = kIpv6Header;
  while (bytes[next_at] != kFragmentHeader) {
    if (bytes.size() < at + 8) return std::nullopt;
    next_at = at;
    at += std::size_t{8} * (bytes[at + 1] + 1);
    if (at > bytes.size()) return std::nullopt;
  }
  if (bytes.size() < at + 8) return std::nullopt;
  const std::uint16_t field = kNetwork.u16(bytes, at + 2);
  Place place;
  place.key = {fragment.source, fragment.destination, kNetwork.u32(bytes, at + 4), kFragmentHeader};
  place.offset = field & 0xfff8u;
  place.is_last = (field & 1) == 0;
  place.unfragmentable = at;
  place.payload_at = at + 8;
  place.next_header_at = next_at;
  place.next_header = bytes[at];
  return place;
}

void FragmentTable::drop(std::list<Datagram>::iterator which) {
  by_key_.erase(which->key);
  datagrams_.erase(which);
}

FragmentTable::Datagram& FragmentTable::datagram(const Key& key, std::int64_t at) {
  while (!datagrams_.empty() && at - datagrams_.front().since > kPatience) {
    ++discarded_;
    drop(datagrams_.begin());
  }
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) return *found->second;
  if (datagrams_.size() >= kMost) {
    ++discarded_;
    drop(datagrams_.begin());
  }
  datagrams_.emplace_back();
  datagrams_.back().key = key;
  datagrams_.back().since = at;
  by_key_[key] = std::prev(datagrams_.end());
  return datagrams_.back();
}

// False if it cannot belong to what is there.
bool FragmentTable::insert(Datagram& datagram, const Place& place, std::span<const std::uint8_t> payload) {
  const Piece piece{place.offset, place.offset + static_cast<std::uint32_t>(payload.size())};
  const bool has_odd_end = !place.is_last && payload.size() % 8 != 0;
  if (payload.empty() || has_odd_end || piece.end > kLongest) return false;
  if (place.is_last && datagram.total != 0 && datagram.total != piece.end) return false;
  if (datagram.total != 0 && piece.end > datagram.total) return false;
  const auto put = [&](const Piece& other) { return other.begin < piece.end && piece.begin < other.end; };
  const auto other = std::find_if(datagram.pieces.begin(), datagram.pieces.end(), put);
  if (other != datagram.pieces.end()) {
    const bool is_same = other->begin == piece.begin && other->end == piece.end &&
                         std::equal(payload.begin(), payload.end(), datagram.payload.begin() + piece.begin);
    return is_same;
  }
  if (place.is_last) {
    if (datagram.payload.size() > piece.end) return false;
    datagram.total = piece.end;
  }
  if (datagram.payload.size() < piece.end) datagram.payload.resize(piece.end);
  std::copy(payload.begin(), payload.end(), datagram.payload.begin() + piece.begin);
  datagram.pieces.push_back(piece);
  datagram.received += static_cast<std::uint32_t>(payload.size());
  return true;
}

bool FragmentTable::assemble(const Datagram& datagram) {
  const std::size_t length = datagram.headers.size() + datagram.payload.size();
  const bool is_v6 = datagram.headers[0] >> 4 == 6;
  if (length > kLongest) return false;
  whole_ = datagram.headers;
  whole_.insert(whole_.end(), datagram.payload.begin(), datagram.payload.end());
  if (is_v6) {
    write16(whole_, 4, length - kIpv6Header);
  } else {
    write16(whole_, 2, length);
    whole_[6] = static_cast<std::uint8_t>(whole_[6] & 0x40);
    whole_[7] = 0;
    write_ipv4_header_checksum(whole_);
  }
  return true;
}

std::optional<std::span<const std::uint8_t>> FragmentTable::add(const PacketView& fragment, std::int64_t at) {
  const std::optional<Place> place = place_of(fragment);
  if (!place) return std::nullopt;
  Datagram& datagram = this->datagram(place->key, at);
  if (datagram.is_spoilt) return std::nullopt;
  if (!insert(datagram, *place, fragment.bytes.subspan(place->payload_at))) {
    datagram.is_spoilt = true;  // kept, so that what still comes of it is recognised
    datagram.payload = {};
    ++discarded_;
    return std::nullopt;
  }
  if (place->offset == 0 && datagram.headers.empty()) {
    const auto headers = fragment.bytes.first(place->unfragmentable);
    datagram.headers.assign(headers.begin(), headers.end());
    if (fragment.version == 6) datagram.headers[place->next_header_at] = place->next_header;
  }
  if (datagram.total == 0 || datagram.received < datagram.total || datagram.headers.empty()) return std::nullopt;
  const bool is_assembled = assemble(datagram);
  if (!is_assembled) ++discarded_;
  drop(by_key_.at(place->key));
  if (!is_assembled) return std::nullopt;
  return std::span<const std::uint8_t>(whole_);
}

}  // namespace wobble::daemon
