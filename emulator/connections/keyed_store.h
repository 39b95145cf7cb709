// A bounded store of entries and the two ways to find one: by 5-tuple and by id. With a keyed hash, so that nobody who
// does not know the key can make chains long.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <new>
#include <type_traits>

#include "emulator/connections/connection_table.h"
#include "emulator/connections/flow_key.h"
#include "emulator/events/event.h"
#include "emulator/lazy_array.h"

namespace wobble {

/// An Entry has a `key`, an `id` and whether it `is_used`, and the store's own `key_chain` and `id_chain`, indexes. All
/// zeroes is one never used.
template <class Entry>
class KeyedStore {
  static_assert(std::is_trivially_destructible_v<Entry>);

 public:
  /// `per_bucket`: entries for each bucket of the two indexes, when full; a power of two. `spare`: entries beyond the
  /// capacity, for which the indexes are not made larger.
  KeyedStore(std::uint32_t capacity, HashKey hash_key, std::size_t per_bucket = 1, std::uint32_t spare = 0)
      : hash_key_(hash_key),
        mask_(std::max(std::bit_ceil(std::size_t{std::max(capacity, 1u)}) / per_bucket, std::size_t{1}) - 1),
        entries_(std::size_t{std::max(capacity, 1u)} + spare + 1),
        by_key_(mask_ + 1),
        by_id_(mask_ + 1) {}

  /// Index of an entry, 0 if there is none. Not part of its callers: most packets never come here (RecordStore::find),
  /// and would pay for it in registers.
  [[gnu::noinline]] std::uint32_t find(const FlowKey& key) const noexcept {
    std::uint32_t index = by_key_[key_bucket(key)];
    while (index != 0 && !(entries_[index].key == key)) index = entries_[index].key_chain;
    return index;
  }
  std::uint32_t find_id(ConnectionId id) const noexcept {
    std::uint32_t index = by_id_[id_bucket(id)];
    while (index != 0 && entries_[index].id != id) index = entries_[index].id_chain;
    return index;
  }
  /// The entry that a handle means, whose index may have been another one.
  std::uint32_t find_generation(std::uint32_t generation) const noexcept {
    std::uint32_t index = by_id_[id_bucket(generation)];
    while (index != 0 && generation_of(entries_[index].id) != generation) index = entries_[index].id_chain;
    return index;
  }
  /// A fresh entry with `key` and `id`, in use; 0 if the store is full.
  std::uint32_t insert(const FlowKey& key, ConnectionId id) noexcept {
    std::uint32_t index = free_;
    if (index != 0) {
      free_ = entries_[index].key_chain;
    } else if (fresh_ < capacity()) {
      index = ++fresh_;
    } else {
      return 0;
    }
    Entry& entry = *new (&entries_[index]) Entry();
    entry.is_used = true;
    entry.key = key;
    entry.id = id;
    std::uint32_t& key_head = by_key_[key_bucket(key)];
    entry.key_chain = key_head;
    key_head = index;
    std::uint32_t& id_head = by_id_[id_bucket(id)];
    entry.id_chain = id_head;
    id_head = index;
    ++size_;
    return index;
  }
  void erase(std::uint32_t index) noexcept {
    Entry& entry = entries_[index];
    take_out(by_key_[key_bucket(entry.key)], index);
    std::uint32_t* link = &by_id_[id_bucket(entry.id)];
    while (*link != index) link = &entries_[*link].id_chain;
    *link = entry.id_chain;
    entry.is_used = false;
    entry.key_chain = free_;
    free_ = index;
    --size_;
  }

  /// Out of the chain that begins at `head`, if it is in it.
  void take_out(std::uint32_t& head, std::uint32_t index) noexcept {
    std::uint32_t* link = &head;
    while (*link != 0 && *link != index) link = &entries_[*link].key_chain;
    if (*link != 0) *link = entries_[index].key_chain;
  }

  Entry& operator[](std::uint32_t index) noexcept { return entries_[index]; }
  const Entry& operator[](std::uint32_t index) const noexcept { return entries_[index]; }
  /// find() knows it no longer.
  void unlist(std::uint32_t index) noexcept { take_out(by_key_[key_bucket(entries_[index].key)], index); }
  /// Of an entry that is in the store.
  std::uint32_t index_of(const Entry& entry) const noexcept {
    return static_cast<std::uint32_t>(&entry - &entries_[0]);
  }
  std::uint32_t size() const noexcept { return size_; }
  std::uint32_t capacity() const noexcept { return static_cast<std::uint32_t>(entries_.size() - 1); }
  /// Every index in use is between 1 and this.
  std::uint32_t highest() const noexcept { return fresh_; }

 private:
  std::size_t key_bucket(const FlowKey& key) const noexcept { return hash_of(hash_key_, key) & mask_; }
  // By what a handle keeps of an id.
  std::size_t id_bucket(ConnectionId id) const noexcept {
    return (generation_of(id) * 0x9e3779b97f4a7c15ULL >> 32) & mask_;
  }

  HashKey hash_key_;
  std::size_t mask_;
  LazyArray<Entry> entries_;
  LazyArray<std::uint32_t> by_key_;
  LazyArray<std::uint32_t> by_id_;
  std::uint32_t free_ = 0;
  std::uint32_t fresh_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace wobble
