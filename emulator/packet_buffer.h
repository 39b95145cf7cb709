// Memory for packets in flight: pooled blocks in a few size classes, with a bound on the bytes held at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace wobble {

class BufferPool;

/// One packet's bytes. Owns its block and gives it back to its pool, which must outlive it. Move-only; may be empty.
class PacketBuffer {
 public:
  PacketBuffer() = default;
  PacketBuffer(PacketBuffer&& other) noexcept { swap(other); }
  PacketBuffer& operator=(PacketBuffer&& other) noexcept {
    PacketBuffer(std::move(other)).swap(*this);
    return *this;
  }
  ~PacketBuffer();

  explicit operator bool() const noexcept { return block_ != nullptr; }
  std::span<std::uint8_t> bytes() noexcept { return {block_, size_}; }
  std::span<const std::uint8_t> bytes() const noexcept { return {block_, size_}; }
  /// Forgets all but the first `size` bytes.
  void shrink(std::size_t size) noexcept { size_ = static_cast<std::uint32_t>(size); }
  /// Bytes of memory it takes, which may be more than it holds.
  std::size_t footprint() const noexcept;

 private:
  friend class BufferPool;
  void swap(PacketBuffer& other) noexcept;

  BufferPool* pool_ = nullptr;
  std::uint8_t* block_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint8_t size_class_ = 0;
};

/// One thread. Blocks are kept for reuse and freed with the pool, or earlier if another size class needs the room: what
/// is handed out and what is kept are together never more than the limit.
class BufferPool {
 public:
  /// At most `limit` bytes, counted in whole blocks, are handed out at once.
  explicit BufferPool(std::size_t limit);
  ~BufferPool();
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// A buffer of `size` bytes (1 to 65,536) with whatever was in it; empty if the bound is reached.
  PacketBuffer allocate(std::size_t size) noexcept;
  /// A buffer holding a copy of `bytes` (1 to 65,535 of them); empty if the bound is reached.
  PacketBuffer copy_of(std::span<const std::uint8_t> bytes) noexcept;

  std::size_t bytes_in_use() const noexcept { return in_use_; }
  /// In use and kept for reuse; at most limit().
  std::size_t bytes_allocated() const noexcept { return allocated_; }
  std::size_t limit() const noexcept { return limit_; }

 private:
  friend class PacketBuffer;
  static constexpr std::array<std::uint32_t, 8> kClasses{256, 1024, 2048, 4096, 9216, 16384, 32768, 65536};
  std::uint8_t* take(std::uint8_t size_class) noexcept;
  void give_back(std::uint8_t* block, std::uint8_t size_class) noexcept;
  void free_one(std::size_t size_class) noexcept;

  std::size_t limit_;
  std::size_t in_use_ = 0;
  std::size_t allocated_ = 0;                          ///< in use and kept
  std::array<std::uint8_t*, kClasses.size()> free_{};  ///< lists threaded through the blocks' first bytes
};

}  // namespace wobble
