// What sent() knew of a segment and delivered() must tell: kept beside the segment's flight, in order of arrival. Only
// segments with something to remember have a mark, so the list is mostly empty.
#pragma once

#include <algorithm>
#include <cstdint>

#include "emulator/connections/tcp/sequence.h"
#include "emulator/lazy_array.h"
#include "emulator/time.h"

namespace wobble {

/// The handle of one list, which is a ring; its nodes belong to the pool it was used with.
struct MarkList {
  std::uint32_t tail : 24 = 0;  ///< whose next is the head
  std::uint32_t count : 8 = 0;
};

struct Mark {
  bool retransmission = false;
  bool notable = false;  ///< it changed a state
};

class MarkPool {
 public:
  static constexpr std::uint32_t kMaxMarks = 128;  ///< of one endpoint; the oldest is forgotten for the next

  explicit MarkPool(std::uint32_t capacity) : nodes_(std::min(capacity, kMostListNodes)) {}

  /// `copies` times the mark will be asked for. `arrived` never decreases.
  void add(MarkList& list, TimePoint arrived, SequenceNumber seq, std::uint8_t copies, Mark mark) noexcept;
  /// The mark of a segment of which one more copy has landed; the default if it has none.
  Mark take(MarkList& list, TimePoint arrived, SequenceNumber seq) noexcept;
  /// Whether the list has marks of what arrived until then.
  bool has_until(const MarkList& list, TimePoint arrived) const noexcept {
    return list.count > 0 && nodes_[nodes_[list.tail].next].arrived <= arrived;
  }
  void release(MarkList& list) noexcept;

  std::uint32_t taken() const noexcept { return nodes_.taken(); }

 private:
  struct Node {
    TimePoint arrived;
    SequenceNumber seq;
    std::uint32_t next;
    Mark mark;
    std::uint8_t copies;
  };
  void unlink_behind(MarkList& list, std::uint32_t before) noexcept;

  NodePool<Node> nodes_;
};

}  // namespace wobble
