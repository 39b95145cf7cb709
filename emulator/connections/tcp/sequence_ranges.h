// Short lists of sequence ranges: what lies beyond a receiver's contiguous edge, what of a sender's we dropped, what it
// skipped, what its peer has, what it sent again. The nodes of all lists come from one bounded pool.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "emulator/connections/tcp/sequence.h"
#include "emulator/lazy_array.h"

namespace wobble {

/// The handle of one list; its nodes belong to the pool it was used with. Must be release()d before it is forgotten.
struct RangeList {
  std::uint32_t last : 24 =
      0;  ///< the nodes form a ring: what is added is mostly behind the last, what goes is the first
  std::uint32_t count : 8 = 0;
};

class RangePool {
 public:
  static constexpr std::uint32_t kMaxRanges = 64;  ///< of one list; what does not fit is not remembered

  explicit RangePool(std::uint32_t capacity) : nodes_(std::min(capacity, kMostListNodes)) {}

  /// Adds [begin, end), joining what touches it. Silently incomplete when the list or the pool is full.
  void add(RangeList& list, SequenceNumber begin, SequenceNumber end) noexcept;
  /// Forgets everything before `edge`.
  void forget_below(RangeList& list, SequenceNumber edge) noexcept;
  /// Removes [begin, end) from the list; true if any of it was there.
  bool remove(RangeList& list, SequenceNumber begin, SequenceNumber end) noexcept;
  /// Takes out every range that `edge` reaches, and returns the edge beyond them.
  SequenceNumber absorb(RangeList& list, SequenceNumber edge) noexcept;
  /// Whether all of [begin, end) is in the list.
  bool covers(const RangeList& list, SequenceNumber begin, SequenceNumber end) const noexcept;
  /// Where the last one ends; of a list with one at least.
  SequenceNumber last_end(const RangeList& list) const noexcept { return nodes_[list.last].end; }
  /// Whether anything of it is behind `edge`.
  bool reaches_beyond(const RangeList& list, SequenceNumber edge) const noexcept {
    return list.count > 0 && is_after(last_end(list), edge);
  }
  /// Whether a range ends exactly at `edge`.
  bool has_end_at(const RangeList& list, SequenceNumber edge) const noexcept;
  void release(RangeList& list) noexcept;

  /// For a list of a kind of its own: in the order in which they came, each by itself with its tag. The oldest goes for
  /// the one beyond `most`.
  void append(RangeList& list, SequenceNumber begin, SequenceNumber end, std::uint8_t tag, std::uint32_t most) noexcept;
  /// Whether one with a bit of `tags` lies within [begin, end).
  bool has_within(const RangeList& list, SequenceNumber begin, SequenceNumber end, std::uint8_t tags) const noexcept;
  struct Tagged {
    SequenceNumber begin;
    SequenceNumber end;
    std::uint8_t tag;
  };
  /// Takes out the newest that lies within [begin, end), if there is one.
  std::optional<Tagged> take_within(RangeList& list, SequenceNumber begin, SequenceNumber end) noexcept;

  std::uint32_t taken() const noexcept { return nodes_.taken(); }

 private:
  struct Node {
    SequenceNumber begin;
    SequenceNumber end;
    std::uint32_t next : 24;
    std::uint32_t tag : 8;
  };
  std::uint32_t first(const RangeList& list) const noexcept { return nodes_[list.last].next; }
  void insert_behind(RangeList& list, std::uint32_t previous, SequenceNumber begin, SequenceNumber end) noexcept;
  void unlink(RangeList& list, std::uint32_t previous, std::uint32_t index) noexcept;
  void drop_first(RangeList& list) noexcept;

  NodePool<Node> nodes_;
};

}  // namespace wobble
