// Storage of a fixed bound that costs memory only where it was used. The kernel hands out zeroed pages when they are
// first touched, so a table for 65,536 connections that holds ten is small, its elements never move, and using one
// more can neither throw nor wait for an allocator.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

namespace wobble {

/// `size` elements, all bytes zero at first. T must be fine with that (an aggregate for which zeroes mean "unused").
template <class T>
class LazyArray {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  /// Throws std::bad_alloc if the address space cannot be had.
  explicit LazyArray(std::size_t size) : size_(size) {
    void* memory =
        ::mmap(nullptr, length(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<T*>(memory);
  }
  ~LazyArray() { ::munmap(data_, length()); }
  LazyArray(const LazyArray&) = delete;
  LazyArray& operator=(const LazyArray&) = delete;

  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  std::size_t size() const noexcept { return size_; }
  /// All bytes are zero again, and the pages are given back.
  void clear() noexcept { ::madvise(data_, length(), MADV_DONTNEED); }

 private:
  std::size_t length() const noexcept { return (size_ == 0 ? 1 : size_) * sizeof(T); }

  std::size_t size_;
  T* data_ = nullptr;
};

/// Handles of lists name a node in 24 bits, and keep how many there are in the other eight.
inline constexpr std::uint32_t kMostListNodes = (1u << 24) - 1;

/// A bounded heap of small nodes that are linked by index, at most kMostListNodes. Index 0 is no node. T has a member
/// `next`, of 24 bits or more.
template <class T>
class NodePool {
 public:
  explicit NodePool(std::uint32_t capacity) : nodes_(std::size_t{std::min(capacity, kMostListNodes)} + 1) {}

  /// A node with unspecified content, or 0 if all are taken.
  std::uint32_t take() noexcept {
    if (free_ != 0) {
      const std::uint32_t index = free_;
      free_ = nodes_[index].next;
      ++taken_;
      return index;
    }
    if (fresh_ + 1 >= nodes_.size()) return 0;
    ++taken_;
    return ++fresh_;
  }
  void give_back(std::uint32_t index) noexcept {
    nodes_[index].next = free_ & kMostListNodes;
    free_ = index;
    --taken_;
  }
  T& operator[](std::uint32_t index) noexcept { return nodes_[index]; }
  const T& operator[](std::uint32_t index) const noexcept { return nodes_[index]; }
  std::uint32_t taken() const noexcept { return taken_; }

 private:
  LazyArray<T> nodes_;
  std::uint32_t free_ = 0;
  std::uint32_t fresh_ = 0;  ///< the highest index ever handed out
  std::uint32_t taken_ = 0;
};

}  // namespace wobble
