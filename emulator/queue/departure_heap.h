// A heap of departures: what leaves first is on top. Each node has four children, which lie side by side: half the
// levels of a binary heap for the same number of lines touched in each (LaMarca, Ladner: The influence of caches on the
// performance of heaps, ACM J. Exp. Algorithmics 1, 1996).
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/time.h"

namespace wobble {

/// Stands for a packet that lies elsewhere.
struct Departure {
  TimePoint release_at;
  std::uint32_t order;  ///< among equals the lower goes first; of numbers that count on and wrap
  std::uint32_t slot;   ///< where the packet lies
};

constexpr bool leaves_before(const Departure& a, const Departure& b) noexcept {
  return a.release_at != b.release_at ? a.release_at < b.release_at : static_cast<std::int32_t>(a.order - b.order) < 0;
}

/// One thread. Nothing allocates once it has grown to its working size.
class DepartureHeap {
 public:
  bool empty() const noexcept { return keys_.empty(); }
  std::size_t size() const noexcept { return keys_.size(); }
  const Departure& top() const noexcept { return keys_.front(); }

  void push(const Departure& key) {
    keys_.push_back(key);
    rise(keys_.size() - 1, key);
  }

  Departure pop() noexcept {
    const Departure first = keys_.front();
    const Departure last = keys_.back();
    keys_.pop_back();
    // The gap sinks to the bottom, where the last one, being late, mostly belongs: that spares a comparison a level.
    if (!keys_.empty()) rise(sink(0), last);
    return first;
  }

 private:
  static constexpr std::size_t kChildren = 4;

  /// Moves the gap at `at` down to where there are no children, and answers where that is.
  std::size_t sink(std::size_t at) noexcept {
    for (;;) {
      const std::size_t child = at * kChildren + 1;
      if (child >= keys_.size()) return at;
      const std::size_t end = child + kChildren < keys_.size() ? child + kChildren : keys_.size();
      std::size_t first = child;
      for (std::size_t i = child + 1; i < end; ++i) {
        if (leaves_before(keys_[i], keys_[first])) first = i;
      }
      keys_[at] = keys_[first];
      at = first;
    }
  }

  /// Puts `key` where the gap at `at` is, or above.
  void rise(std::size_t at, const Departure& key) noexcept {
    while (at > 0 && leaves_before(key, keys_[(at - 1) / kChildren])) {
      keys_[at] = keys_[(at - 1) / kChildren];
      at = (at - 1) / kChildren;
    }
    keys_[at] = key;
  }

  std::vector<Departure> keys_;
};

}  // namespace wobble
