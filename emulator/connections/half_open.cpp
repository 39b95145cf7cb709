#include "emulator/connections/half_open.h"

#include <algorithm>
#include <bit>
#include <new>

namespace wobble {

HalfOpenStore::HalfOpenStore(std::uint32_t capacity, HashKey hash_key)
    : hash_key_(hash_key),
      mask_(std::bit_ceil(std::size_t{std::max(capacity, 1u)}) - 1),
      entries_(std::size_t{std::max(capacity, 1u)} + 1),
      by_key_(mask_ + 1),
      by_id_(mask_ + 1),
      sources_(std::max((mask_ + 1) / kEntriesPerSource, kFewestSources)) {}

std::size_t HalfOpenStore::source_bucket(const FlowKey& key, Side client_side) const noexcept {
  const IpAddress& client = client_side == Side::near ? key.near_address : key.far_address;
  return hash_of(hash_key_, key.protocol, client, IpAddress{}) & (sources_.size() - 1);
}

std::uint32_t HalfOpenStore::find(const FlowKey& key) const noexcept {
  if (size_ == 0) return 0;
  std::uint32_t index = by_key_[key_bucket(key)];
  while (index != 0 && !(entries_[index].key == key)) index = entries_[index].key_chain;
  return index;
}

std::uint32_t HalfOpenStore::find_id(ConnectionId id) const noexcept {
  std::uint32_t index = by_id_[id_bucket(id)];
  while (index != 0 && entries_[index].id != id) index = entries_[index].id_chain;
  return index;
}

std::uint32_t HalfOpenStore::insert(const FlowKey& key, Side client_side, ConnectionId id) noexcept {
  std::uint32_t index = free_;
  if (index != 0) {
    free_ = entries_[index].key_chain;
  } else if (fresh_ < capacity()) {
    index = ++fresh_;
  } else {
    return 0;
  }
  HalfOpen& entry = *new (&entries_[index]) HalfOpen();
  entry.key = key;
  entry.client_side = client_side;
  entry.is_used = true;
  entry.id = id;
  std::uint32_t& key_head = by_key_[key_bucket(key)];
  entry.key_chain = key_head;
  key_head = index;
  std::uint32_t& id_head = by_id_[id_bucket(id)];
  entry.id_chain = id_head;
  id_head = index;
  append(index);
  append_to_source(index);
  ++size_;
  return index;
}

void HalfOpenStore::erase(std::uint32_t index) noexcept {
  HalfOpen& entry = entries_[index];
  std::uint32_t* link = &by_key_[key_bucket(entry.key)];
  while (*link != index) link = &entries_[*link].key_chain;
  *link = entry.key_chain;
  link = &by_id_[id_bucket(entry.id)];
  while (*link != index) link = &entries_[*link].id_chain;
  *link = entry.id_chain;
  unlink(index);
  unlink_from_source(index);
  entry.is_used = false;
  entry.key_chain = free_;
  free_ = index;
  --size_;
}

void HalfOpenStore::touch(std::uint32_t index) noexcept {
  if (index == newest_) return;
  unlink(index);
  append(index);
}

void HalfOpenStore::append(std::uint32_t index) noexcept {
  entries_[index].older = newest_;
  entries_[index].newer = 0;
  (newest_ != 0 ? entries_[newest_].newer : oldest_) = index;
  newest_ = index;
}

void HalfOpenStore::unlink(std::uint32_t index) noexcept {
  const HalfOpen& entry = entries_[index];
  (entry.older != 0 ? entries_[entry.older].newer : oldest_) = entry.newer;
  (entry.newer != 0 ? entries_[entry.newer].older : newest_) = entry.older;
}

void HalfOpenStore::append_to_source(std::uint32_t index) noexcept {
  HalfOpen& entry = entries_[index];
  Source& source = sources_[source_bucket(entry.key, entry.client_side)];
  entry.source_older = source.newest;
  entry.source_newer = 0;
  (source.newest != 0 ? entries_[source.newest].source_newer : source.oldest) = index;
  source.newest = index;
  ++source.count;
}

void HalfOpenStore::unlink_from_source(std::uint32_t index) noexcept {
  const HalfOpen& entry = entries_[index];
  Source& source = sources_[source_bucket(entry.key, entry.client_side)];
  (entry.source_older != 0 ? entries_[entry.source_older].source_newer : source.oldest) = entry.source_newer;
  (entry.source_newer != 0 ? entries_[entry.source_newer].source_older : source.newest) = entry.source_older;
  --source.count;
}

}  // namespace wobble
