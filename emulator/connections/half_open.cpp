#include "emulator/connections/half_open.h"

#include <algorithm>
#include <bit>

namespace wobble {

HalfOpenStore::HalfOpenStore(std::uint32_t most, HashKey hash_key)
    : KeyedStore(most, hash_key, kEntriesPerBucket),
      hash_key_(hash_key),
      sources_(std::max(std::bit_ceil(std::size_t{capacity()}) / kEntriesPerSource, kFewestSources)) {}

std::size_t HalfOpenStore::source_bucket(const FlowKey& key, Side client_side) const noexcept {
  const IpAddress& client = client_side == Side::near ? key.near_address : key.far_address;
  return hash_of(hash_key_, key.protocol, client, IpAddress{}) & (sources_.size() - 1);
}

std::uint32_t HalfOpenStore::find(const FlowKey& key) const noexcept { return size() == 0 ? 0 : KeyedStore::find(key); }

std::uint32_t HalfOpenStore::insert(const FlowKey& key, Side client_side, ConnectionId id) noexcept {
  const std::uint32_t index = KeyedStore::insert(key, id);
  if (index == 0) return 0;
  (*this)[index].client_side = client_side;
  append(index);
  append_to_source(index);
  return index;
}

void HalfOpenStore::erase(std::uint32_t index) noexcept {
  unlink(index);
  unlink_from_source(index);
  KeyedStore::erase(index);
}

void HalfOpenStore::touch(std::uint32_t index) noexcept {
  if (index == newest_) return;
  unlink(index);
  append(index);
}

void HalfOpenStore::append(std::uint32_t index) noexcept {
  (*this)[index].older = newest_;
  (*this)[index].newer = 0;
  (newest_ != 0 ? (*this)[newest_].newer : oldest_) = index;
  newest_ = index;
}

void HalfOpenStore::unlink(std::uint32_t index) noexcept {
  const HalfOpen& entry = (*this)[index];
  (entry.older != 0 ? (*this)[entry.older].newer : oldest_) = entry.newer;
  (entry.newer != 0 ? (*this)[entry.newer].older : newest_) = entry.older;
}

void HalfOpenStore::append_to_source(std::uint32_t index) noexcept {
  HalfOpen& entry = (*this)[index];
  Source& source = sources_[source_bucket(entry.key, entry.client_side)];
  entry.source_older = source.newest;
  entry.source_newer = 0;
  (source.newest != 0 ? (*this)[source.newest].source_newer : source.oldest) = index;
  source.newest = index;
  ++source.count;
}

void HalfOpenStore::unlink_from_source(std::uint32_t index) noexcept {
  const HalfOpen& entry = (*this)[index];
  Source& source = sources_[source_bucket(entry.key, entry.client_side)];
  (entry.source_older != 0 ? (*this)[entry.source_older].source_newer : source.oldest) = entry.source_newer;
  (entry.source_newer != 0 ? (*this)[entry.source_newer].source_older : source.newest) = entry.source_older;
  --source.count;
}

}  // namespace wobble
