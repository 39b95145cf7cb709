// Connections of which nothing was seen but a SYN, or the same SYN again: kept apart from the records, in a quarter of
// the space, so that a flood of them is cheap. What is kept is enough to make the record that they would have had, when
// anything else happens (HalfOpenConnections::promote()).
//
// Found by 5-tuple and by id; in the order of last use; and, of each source, in the order of opening, so that a source
// that has too many loses its own. Sources are told apart by a keyed hash of their address into one bucket for every
// sixteen connections.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/keyed_store.h"
#include "emulator/connections/syn_text.h"
#include "emulator/events/event.h"
#include "emulator/time.h"

namespace wobble {

/// A moment up to 18 minutes after another one, in five bytes.
class ShortlyAfter {
 public:
  static bool reaches(TimePoint base, TimePoint at) noexcept { return at >= base && (at - base).count() >> 40 == 0; }
  void set(TimePoint base, TimePoint at) noexcept {
    const auto span = static_cast<std::uint64_t>((at - base).count());
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::uint8_t>(span >> (8 * i));
  }
  TimePoint from(TimePoint base) const noexcept {
    std::uint64_t span = 0;
    for (std::size_t i = 0; i < bytes_.size(); ++i) span |= std::uint64_t{bytes_[i]} << (8 * i);
    return base + Duration(static_cast<Duration::rep>(span));
  }

 private:
  std::array<std::uint8_t, 5> bytes_{};
};

/// One SYN, sent `syns` times. All zeroes is an entry never used. In the order that leaves no gaps.
struct HalfOpen {
  static constexpr std::uint8_t kMostSyns = 255;

  FlowKey key;
  Side client_side : 1 = Side::near;
  bool is_used : 1 = false;
  Rule opened_rule : 6 = Rule::timer;
  std::uint8_t syns = 0;  ///< those whose fate is known; 0 between the first one's arrival and that
  ConnectionId id = 0;
  TimePoint opened_at{};
  SynText syn;
  std::uint32_t ordinal = 0;
  std::uint32_t timestamp = 0;  ///< of the last SYN, if they bear any
  // The store's.
  std::uint32_t key_chain = 0;
  std::uint32_t id_chain = 0;
  std::uint32_t older = 0;
  std::uint32_t newer = 0;
  std::uint32_t source_older = 0;
  std::uint32_t source_newer = 0;
  ShortlyAfter arrived;            ///< of the last one
  ShortlyAfter delivered_at;       ///< of the last one delivered
  std::uint8_t delivered = 0;      ///< how many were, in order: one may be on its way
  std::uint8_t drop : 4 = 0;       ///< DropReason of the only one, if it was dropped
  bool is_delayed : 1 = false;     ///< the first: it was not let go at once
  bool is_last_newer : 1 = false;  ///< its timestamp than that of the one before
  bool is_withheld : 1 = false;    ///< nothing of it was reported: a flood was on when it was opened

  TimePoint last_arrival() const noexcept { return arrived.from(opened_at); }
};
static_assert(sizeof(HalfOpen) == 120);

class HalfOpenStore : private KeyedStore<HalfOpen> {
 public:
  HalfOpenStore(std::uint32_t capacity, HashKey hash_key);

  /// Index of an entry, 0 if there is none.
  std::uint32_t find(const FlowKey& key) const noexcept;
  using KeyedStore::find_id;
  /// A fresh entry, the one used last; 0 if the store is full.
  std::uint32_t insert(const FlowKey& key, Side client_side, ConnectionId id) noexcept;
  void erase(std::uint32_t index) noexcept;
  /// It was used just now.
  void touch(std::uint32_t index) noexcept;
  /// The one not used longest; 0 if there is none.
  std::uint32_t oldest() const noexcept { return oldest_; }
  /// How many the source of such a key has, and the one that it opened first (0: none).
  std::uint32_t of_source(const FlowKey& key, Side client_side) const noexcept {
    return sources_[source_bucket(key, client_side)].count;
  }
  std::uint32_t oldest_of_source(const FlowKey& key, Side client_side) const noexcept {
    return sources_[source_bucket(key, client_side)].oldest;
  }

  using KeyedStore::operator[];
  using KeyedStore::capacity;
  using KeyedStore::size;

 private:
  static constexpr std::size_t kEntriesPerBucket = 2;
  static constexpr std::size_t kEntriesPerSource = 16;
  static constexpr std::size_t kFewestSources = 64;
  struct Source {
    std::uint32_t count;
    std::uint32_t oldest;
    std::uint32_t newest;
  };

 public:
  /// All included: its place in two indexes, and its share of the sources.
  static constexpr std::size_t kBytesPerEntry = sizeof(HalfOpen) + 2 * sizeof(std::uint32_t) / kEntriesPerBucket +
                                                (sizeof(Source) + kEntriesPerSource - 1) / kEntriesPerSource;
  static_assert(kBytesPerEntry <= 128);

 private:
  std::size_t source_bucket(const FlowKey& key, Side client_side) const noexcept;
  void append(std::uint32_t index) noexcept;
  void unlink(std::uint32_t index) noexcept;
  void append_to_source(std::uint32_t index) noexcept;
  void unlink_from_source(std::uint32_t index) noexcept;

  HashKey hash_key_;
  LazyArray<Source> sources_;
  std::uint32_t oldest_ = 0;
  std::uint32_t newest_ = 0;
};

}  // namespace wobble
