#include "emulator/packet_buffer.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace wobble {
namespace {

// A free block's first bytes hold the address of the next free one.
std::uint8_t* next_of(const std::uint8_t* block) noexcept {
  std::uint8_t* next = nullptr;
  std::memcpy(&next, block, sizeof(std::uint8_t*));
  return next;
}
void set_next(std::uint8_t* block, std::uint8_t* next) noexcept { std::memcpy(block, &next, sizeof(std::uint8_t*)); }

}  // namespace

PacketBuffer::~PacketBuffer() {
  if (block_ != nullptr) pool_->give_back(block_, size_class_);
}

void PacketBuffer::swap(PacketBuffer& other) noexcept {
  std::swap(pool_, other.pool_);
  std::swap(block_, other.block_);
  std::swap(size_, other.size_);
  std::swap(size_class_, other.size_class_);
}

std::size_t PacketBuffer::footprint() const noexcept {
  return block_ == nullptr ? 0 : BufferPool::kClasses[size_class_];
}

BufferPool::BufferPool(std::size_t limit) : limit_(limit) {}

BufferPool::~BufferPool() {
  for (std::size_t c = 0; c < kClasses.size(); ++c) {
    while (free_[c] != nullptr) free_one(c);
  }
}

PacketBuffer BufferPool::copy_of(std::span<const std::uint8_t> bytes) noexcept {
  PacketBuffer buffer = allocate(bytes.size());
  if (buffer) std::memcpy(buffer.block_, bytes.data(), bytes.size());
  return buffer;
}

PacketBuffer BufferPool::allocate(std::size_t size) noexcept {
  PacketBuffer buffer;
  if (size == 0 || size > kClasses.back()) return buffer;
  std::uint8_t size_class = 0;
  while (kClasses[size_class] < size) ++size_class;
  std::uint8_t* block = take(size_class);
  if (block == nullptr) return buffer;
  buffer.pool_ = this;
  buffer.block_ = block;
  buffer.size_ = static_cast<std::uint32_t>(size);
  buffer.size_class_ = size_class;
  return buffer;
}

std::uint8_t* BufferPool::take(std::uint8_t size_class) noexcept {
  const std::size_t size = kClasses[size_class];
  if (size > limit_ || in_use_ > limit_ - size) return nullptr;
  std::uint8_t* block = free_[size_class];
  if (block != nullptr) {
    free_[size_class] = next_of(block);
  } else {
    for (std::size_t c = kClasses.size(); c-- > 0;) {
      while (allocated_ + size > limit_ && free_[c] != nullptr) free_one(c);
    }
    block = new (std::nothrow) std::uint8_t[size];
    if (block == nullptr) return nullptr;
    allocated_ += size;
  }
  in_use_ += size;
  return block;
}

void BufferPool::give_back(std::uint8_t* block, std::uint8_t size_class) noexcept {
  set_next(block, free_[size_class]);
  free_[size_class] = block;
  in_use_ -= kClasses[size_class];
}

void BufferPool::free_one(std::size_t size_class) noexcept {
  std::uint8_t* block = free_[size_class];
  free_[size_class] = next_of(block);
  delete[] block;
  allocated_ -= kClasses[size_class];
}

}  // namespace wobble
