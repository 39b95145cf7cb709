// How often each name was seen: the n-th flow to a server, the k-th fragment between two addresses. Bounded: the name
// that was not asked for longest is forgotten, and would begin again at 1.
#pragma once

#include <cstdint>

#include "emulator/lazy_array.h"

namespace wobble {

class FlowCounters {
 public:
  explicit FlowCounters(std::uint32_t capacity);

  /// Counts `name` once more: 1 the first time. A name is a keyed 64-bit hash, so two never meet in practice.
  std::uint32_t next(std::uint64_t name) noexcept;
  bool knows(std::uint64_t name) const noexcept { return find(name) != 0; }

 private:
  struct Entry {
    std::uint64_t name;
    std::uint32_t count;
    std::uint32_t chain;  ///< the next in the bucket
    std::uint32_t older;
    std::uint32_t newer;
  };

  std::uint32_t find(std::uint64_t name) const noexcept;
  std::uint32_t& bucket(std::uint64_t name) noexcept { return buckets_[name & (buckets_.size() - 1)]; }
  void unlink(std::uint32_t index) noexcept;
  void append(std::uint32_t index) noexcept;
  std::uint32_t forget_oldest() noexcept;

  LazyArray<Entry> entries_;  // from 1
  LazyArray<std::uint32_t> buckets_;
  std::uint32_t used_ = 0;
  std::uint32_t oldest_ = 0;
  std::uint32_t newest_ = 0;
};

}  // namespace wobble
