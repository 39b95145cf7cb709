// The closing segments of a connection: few, mostly none, so that their nodes come from one pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "emulator/events/figures.h"
#include "emulator/lazy_array.h"

namespace wobble {

/// The handle of one list; its nodes belong to the pool it was used with. Must be release()d before it is forgotten.
struct CloseList {
  std::uint32_t head : 24 = 0;
  std::uint32_t count : 8 = 0;  ///< at most CloseSegments::kMax
  std::uint16_t left_out = 0;   ///< beyond that, or beyond the pool
};

class ClosePool {
 public:
  explicit ClosePool(std::uint32_t capacity) : nodes_(std::min(capacity, kMostListNodes)) {}

  void add(CloseList& list, const CloseSegment& segment) noexcept;
  /// A copy of what `side` sent at `at` reached its peer.
  void deliver(const CloseList& list, Role side, TimePoint at) noexcept;
  CloseSegments read(const CloseList& list) const noexcept;
  void release(CloseList& list) noexcept;

  std::uint32_t taken() const noexcept { return nodes_.taken(); }

 private:
  struct Node {
    std::uint32_t low;  ///< of CloseSegments::pack()
    std::uint32_t high;
    std::uint32_t next;
    CloseSegment segment() const noexcept { return CloseSegments::unpack(std::uint64_t{high} << 32 | low); }
    void set(const CloseSegment& segment) noexcept {
      const std::uint64_t word = CloseSegments::pack(segment);
      low = static_cast<std::uint32_t>(word);
      high = static_cast<std::uint32_t>(word >> 32);
    }
  };

 public:
  static constexpr std::size_t kBytesPerClose = sizeof(Node);

 private:
  NodePool<Node> nodes_;
};

}  // namespace wobble
