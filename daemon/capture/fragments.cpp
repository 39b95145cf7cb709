#include "daemon/capture/fragments.h"

#include <algorithm>

namespace wobble::daemon {
namespace {

constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kLongest = 65'535;

void write16(std::vector<std::uint8_t>& bytes, std::size_t at, std::size_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

}  // namespace

void FragmentTable::drop(std::list<Datagram>::iterator which) {
  by_key_.erase(which->key);
  datagrams_.erase(which);
}

FragmentTable::Datagram& FragmentTable::datagram(const DatagramKey& key, std::int64_t at) {
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
bool FragmentTable::insert(Datagram& datagram, const Fragment& fragment, std::span<const std::uint8_t> payload) {
  using Outcome = DatagramCoverage::Outcome;
  const Outcome outcome = datagram.coverage.add(fragment);
  if (outcome == Outcome::conflict) return false;
  const auto place = static_cast<std::ptrdiff_t>(fragment.offset);
  if (outcome == Outcome::repeated) {
    return std::equal(payload.begin(), payload.end(), datagram.payload.begin() + place);
  }
  if (datagram.payload.size() < fragment.end()) datagram.payload.resize(fragment.end());
  std::copy(payload.begin(), payload.end(), datagram.payload.begin() + place);
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
  const std::optional<Fragment> place = Fragment::of(fragment);
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
  if (!datagram.coverage.is_complete() || datagram.headers.empty()) return std::nullopt;
  const bool is_assembled = assemble(datagram);
  if (!is_assembled) ++discarded_;
  drop(by_key_.at(place->key));
  if (!is_assembled) return std::nullopt;
  return std::span<const std::uint8_t>(whole_);
}

}  // namespace wobble::daemon
