// A growable first-in-first-out queue in one block of memory. Unlike std::deque it allocates nothing once it has grown
// to its working size.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace wobble {

/// T is default-constructible and movable without throwing; a slot that was popped keeps a moved-from T.
template <typename T>
class Ring {
 public:
  bool empty() const noexcept { return size_ == 0; }
  std::size_t size() const noexcept { return size_; }

  T& front() noexcept { return slots_[first_]; }
  const T& front() const noexcept { return slots_[first_]; }
  /// Where the one lies that is `n` behind the front, or will: to be fetched ahead.
  const void* place(std::size_t n) const noexcept { return &slots_[(first_ + n) & (capacity_ - 1)]; }
  const T& back() const noexcept { return slots_[(first_ + size_ - 1) & (capacity_ - 1)]; }

  /// False, with nothing changed, if there is no memory to grow.
  bool try_push(T&& value) noexcept {
    if (size_ == capacity_ && !grow()) return false;
    slots_[(first_ + size_) & (capacity_ - 1)] = std::move(value);
    ++size_;
    return true;
  }
  void push(T&& value) {
    if (!try_push(std::move(value))) throw std::bad_alloc();
  }
  /// One more at the end, whatever its slot holds: to be assigned to.
  T& extend() {
    if (size_ == capacity_ && !grow()) throw std::bad_alloc();
    return slots_[(first_ + size_++) & (capacity_ - 1)];
  }
  T pop() noexcept {
    T value = std::move(slots_[first_]);
    drop_front();
    return value;
  }
  /// Of what was moved from already.
  void drop_front() noexcept {
    first_ = (first_ + 1) & (capacity_ - 1);
    --size_;
  }
  std::size_t capacity() const noexcept { return capacity_; }
  /// Gives its memory back; of an empty one.
  void release_memory() noexcept {
    slots_.reset();
    capacity_ = first_ = 0;
  }
  void clear() noexcept {
    while (!empty()) pop();
  }

 private:
  bool grow() noexcept {
    const std::size_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;  // a power of two, so that & wraps
    std::unique_ptr<T[]> slots(new (std::nothrow) T[capacity]);
    if (!slots) return false;
    for (std::size_t i = 0; i < size_; ++i) slots[i] = std::move(slots_[(first_ + i) & (capacity_ - 1)]);
    slots_ = std::move(slots);
    capacity_ = capacity;
    first_ = 0;
    return true;
  }

  std::unique_ptr<T[]> slots_;
  std::size_t capacity_ = 0;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace wobble
