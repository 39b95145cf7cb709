#include "emulator/connections/record_store.h"

#include <algorithm>
#include <bit>
#include <new>

namespace wobble {

void PacketCounters::fill(EndpointFigures& figures) const noexcept {
  figures.packets_sent = packets_sent;
  figures.bytes_sent = bytes_sent;
  figures.packets_delivered = packets_delivered;
  figures.bytes_delivered = bytes_delivered;
  figures.payload_bytes = payload_bytes;
}

RecordStore::RecordStore(std::uint32_t capacity, HashKey hash_key)
    : hash_key_(hash_key),
      mask_(std::bit_ceil(std::size_t{std::max(capacity, 1u)}) - 1),
      records_(std::size_t{std::max(capacity, 1u)} + 1),
      by_key_(mask_ + 1),
      by_id_(mask_ + 1) {}

std::uint32_t RecordStore::find(const FlowKey& key) const noexcept {
  std::uint32_t& recent = recent_[(key.near_port ^ key.far_port) % recent_.size()];
  if (recent != 0 && records_[recent].is_used && records_[recent].key == key) return recent;
  std::uint32_t index = by_key_[key_bucket(key)];
  while (index != 0 && !(records_[index].key == key)) index = records_[index].key_chain;
  return recent = index;
}

std::uint32_t RecordStore::find_id(ConnectionId id) const noexcept {
  std::uint32_t index = by_id_[id_bucket(id)];
  while (index != 0 && records_[index].id != id) index = records_[index].id_chain;
  return index;
}

std::uint32_t RecordStore::insert(const FlowKey& key, ConnectionId id) noexcept {
  std::uint32_t index = free_;
  if (index != 0) {
    free_ = records_[index].key_chain;
  } else if (fresh_ < capacity()) {
    index = ++fresh_;
  } else {
    return 0;
  }
  Record& record = *new (&records_[index]) Record();
  record.is_used = true;
  record.key = key;
  record.id = id;
  std::uint32_t& key_head = by_key_[key_bucket(key)];
  record.key_chain = key_head;
  key_head = index;
  std::uint32_t& id_head = by_id_[id_bucket(id)];
  record.id_chain = id_head;
  id_head = index;
  ++size_;
  return index;
}

void RecordStore::erase(std::uint32_t index) noexcept {
  Record& record = records_[index];
  std::uint32_t* link = &by_key_[key_bucket(record.key)];
  while (*link != index) link = &records_[*link].key_chain;
  *link = record.key_chain;
  link = &by_id_[id_bucket(record.id)];
  while (*link != index) link = &records_[*link].id_chain;
  *link = record.id_chain;
  record.is_used = false;
  record.key_chain = free_;
  free_ = index;
  --size_;
}

}  // namespace wobble
