// The closing segments of a connection: few, mostly none, so that their nodes come from one pool.
#pragma once

#include <cstdint>

#include "emulator/connections/lazy_array.h"
#include "emulator/figures.h"

namespace wobble {

/// The handle of one list; its nodes belong to the pool it was used with. Must be release()d before it is forgotten.
struct CloseList {
  std::uint32_t head = 0;
  std::uint16_t count = 0;
  std::uint16_t left_out = 0;  ///< beyond CloseSegments::kMax, or beyond the pool
};

class ClosePool {
 public:
  explicit ClosePool(std::uint32_t capacity) : nodes_(capacity) {}

  void add(CloseList& list, const CloseSegment& segment) noexcept;
  /// A copy of what `side` sent at `at` reached its peer.
  void deliver(const CloseList& list, Role side, TimePoint at) noexcept;
  CloseSegments read(const CloseList& list) const noexcept;
  void release(CloseList& list) noexcept;

  std::uint32_t taken() const noexcept { return nodes_.taken(); }

 private:
  struct Node {
    std::uint64_t word;  ///< CloseSegments::pack()
    std::uint32_t next;
  };

 public:
  static constexpr std::size_t kBytesPerClose = sizeof(Node);

 private:
  NodePool<Node> nodes_;
};

}  // namespace wobble
