// The bound on bytes in flight that several links share, with the files that their conditions name. Each link's pool
// takes from it in large pieces, so the packet path rarely touches it.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>

namespace wobble {

/// Any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) noexcept : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// All of `bytes`, or nothing and false.
  bool take(std::size_t bytes) noexcept;
  void give_back(std::size_t bytes) noexcept { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::size_t limit() const noexcept { return limit_; }
  std::size_t taken() const noexcept { return taken_.load(std::memory_order_relaxed); }
  /// More than three quarters are taken: nobody should keep what he does not use.
  bool is_short() const noexcept { return taken() > limit_ / 4 * 3; }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> taken_{0};
};

/// So many bytes of a budget, from its construction to its end.
class MemoryShare {
 public:
  /// Throws std::bad_alloc if the budget has not so much left.
  MemoryShare(std::shared_ptr<MemoryBudget> budget, std::size_t bytes) : budget_(std::move(budget)), bytes_(bytes) {
    if (!budget_->take(bytes_)) throw std::bad_alloc();
  }
  ~MemoryShare() { budget_->give_back(bytes_); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

 private:
  std::shared_ptr<MemoryBudget> budget_;
  std::size_t bytes_;
};

}  // namespace wobble
