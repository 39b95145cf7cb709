#include "emulator/connections/record_store.h"

namespace wobble {

void PacketCounters::fill(EndpointFigures& figures) const noexcept {
  figures.packets_sent = packets_sent;
  figures.bytes_sent = bytes_sent;
  figures.packets_delivered = packets_delivered;
  figures.bytes_delivered = bytes_delivered;
  figures.payload_bytes = payload_bytes;
}

RecordStore::RecordStore(std::uint32_t capacity, HashKey hash_key)
    : KeyedStore(capacity, hash_key, 1, most_leaving(capacity)),
      hash_key_(hash_key),
      leaving_(most_leaving(capacity)) {}

std::uint32_t RecordStore::find(const FlowKey& key) const noexcept {
  std::uint32_t& recent = recent_[(key.near_port ^ key.far_port) % recent_.size()];
  if (recent != 0 && (*this)[recent].is_used && (*this)[recent].key == key) return recent;
  return recent = KeyedStore::find(key);
}

void RecordStore::leave(std::uint32_t index) noexcept {
  Record& record = (*this)[index];
  unlist(index);
  std::uint32_t& recent = recent_[(record.key.near_port ^ record.key.far_port) % recent_.size()];
  if (recent == index) recent = 0;
  // One for each key, so that nobody who uses the same ports again and again makes a chain long.
  std::uint32_t& head = leaving_[leaving_bucket(record.key)];
  if (const std::uint32_t earlier = find_leaving(record.key)) take_out(head, earlier);
  record.is_leaving = true;
  record.key_chain = head;
  head = index;
}

std::uint32_t RecordStore::find_leaving(const FlowKey& key) const noexcept {
  std::uint32_t index = leaving_[leaving_bucket(key)];
  while (index != 0 && !((*this)[index].key == key)) index = (*this)[index].key_chain;
  return index;
}

void RecordStore::erase(std::uint32_t index) noexcept {
  const Record& record = (*this)[index];
  if (record.is_leaving) take_out(leaving_[leaving_bucket(record.key)], index);
  KeyedStore::erase(index);
}

}  // namespace wobble
