// Memory for packets in flight: pooled blocks in a few size classes, with a bound on the bytes held at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "emulator/memory_budget.h"

namespace wobble {

class BufferPool;

/// One packet's bytes, and in front of them what its device has put before it (link_prefix.h). Owns its block and gives
/// it back to its pool, which must outlive it. Move-only; may be empty.
class PacketBuffer {
 public:
  PacketBuffer() = default;
  PacketBuffer(PacketBuffer&& other) noexcept
      : pool_(other.pool_),
        block_(std::exchange(other.block_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        size_class_(other.size_class_),
        prefix_size_(other.prefix_size_) {}
  PacketBuffer& operator=(PacketBuffer&& other) noexcept {
    std::uint8_t* const block = std::exchange(other.block_, nullptr);  // at first, for `other` may be this one
    if (block_ != nullptr) give_back();
    pool_ = other.pool_;
    block_ = block;
    size_ = block != nullptr ? other.size_ : 0;
    size_class_ = other.size_class_;
    prefix_size_ = other.prefix_size_;
    return *this;
  }
  ~PacketBuffer() {
    if (block_ != nullptr) give_back();
  }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  std::span<std::uint8_t> bytes() noexcept { return {block_, size_}; }
  std::span<const std::uint8_t> bytes() const noexcept { return {block_, size_}; }
  /// What stands before the packet; empty if nothing does.
  std::span<const std::uint8_t> prefix() const noexcept { return {block_ - prefix_size_, prefix_size_}; }
  /// The first `size` of the present bytes are no part of the packet, but stand before it. Once.
  void begin_behind(std::size_t size) noexcept {
    block_ += size;
    size_ -= static_cast<std::uint32_t>(size);
    prefix_size_ = static_cast<std::uint8_t>(size);
  }
  /// Forgets all but the first `size` bytes of the packet.
  void shrink(std::size_t size) noexcept { size_ = static_cast<std::uint32_t>(size); }
  /// Bytes of memory it takes, which may be more than it holds.
  std::size_t footprint() const noexcept;

 private:
  friend class BufferPool;
  void give_back() noexcept;

  BufferPool* pool_ = nullptr;
  std::uint8_t* block_ = nullptr;  ///< behind the prefix
  std::uint32_t size_ = 0;         ///< without the prefix
  std::uint8_t size_class_ = 0;
  std::uint8_t prefix_size_ = 0;
};

/// One thread. Blocks are kept for reuse, up to as much as is in use and some more (kKept, at most a sixty-fourth of
/// the limit), and freed with the pool, or earlier if another size class or another pool needs the room, or at
/// release_unused(): what is handed out and what is kept, by all pools of one budget, are together never more than its
/// limit.
class BufferPool {
 public:
  /// At most `limit` bytes, counted in whole blocks and what their packets' places in a queue take, are handed out at
  /// once.
  explicit BufferPool(std::size_t limit) : BufferPool(std::make_shared<MemoryBudget>(limit)) {}
  /// The bound is shared with other pools, of whatever threads.
  explicit BufferPool(std::shared_ptr<MemoryBudget> budget);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// The most bytes that one buffer holds, its prefix included.
  static constexpr std::size_t kLargest = 65'664;

  /// A buffer of `size` bytes (1 to kLargest) with whatever was in it; empty if the bound is reached.
  PacketBuffer allocate(std::size_t size) noexcept;
  /// The same, behind a copy of `prefix`.
  PacketBuffer allocate(std::size_t size, std::span<const std::uint8_t> prefix) noexcept;
  /// A buffer holding a copy of `bytes` (1 to 65,535 of them); empty if the bound is reached.
  PacketBuffer copy_of(std::span<const std::uint8_t> bytes) noexcept;

  /// Frees what is kept, at most `blocks` of it, the largest first; false: that was all. Small blocks that lie
  /// scattered would keep many times their size from the system.
  bool release_unused(std::size_t blocks) noexcept;

  std::size_t bytes_in_use() const noexcept { return in_use_; }
  /// In use and kept for reuse; at most limit().
  std::size_t bytes_allocated() const noexcept { return allocated_; }
  std::size_t limit() const noexcept { return budget_->limit(); }

  /// Counted with each block: what the queue in which its packet waits takes for it, a ring that doubles its size.
  static constexpr std::size_t kQueueCost = 256;
  static constexpr std::size_t kKept = std::size_t{64} << 20;
  /// What is taken from the budget at once, if it has so much.
  static constexpr std::size_t kPiece = std::size_t{1} << 20;

 private:
  friend class PacketBuffer;
  // At most half more than asked for, from a full segment up: it then costs at most 2.2 KB, whatever it came in.
  static constexpr std::array<std::uint32_t, 18> kClasses{128,   256,   512,   1024,  1536,  2048,
                                                          3072,  4608,  6144,  8192,  9216,  12288,
                                                          16384, 20480, 28672, 36864, 49152, kLargest};
  static constexpr std::size_t cost(std::size_t size_class) noexcept { return kClasses[size_class] + kQueueCost; }
  std::uint8_t* take(std::uint8_t size_class) noexcept;
  void give_back(std::uint8_t* block, std::uint8_t size_class) noexcept;
  void free_one(std::size_t size_class) noexcept;
  /// Of the largest class that has one; false: nothing is kept.
  bool free_largest() noexcept;
  bool make_room(std::size_t size) noexcept;

  std::shared_ptr<MemoryBudget> budget_;
  const std::size_t kept_;   ///< for reuse, beside as much as is in use
  std::size_t granted_ = 0;  ///< by the budget; at least allocated_
  std::size_t in_use_ = 0;
  std::size_t allocated_ = 0;                          ///< in use and kept
  std::array<std::uint8_t*, kClasses.size()> free_{};  ///< lists threaded through the blocks' first bytes
};

}  // namespace wobble
