#include "emulator/packet/packet_buffer.h"

#include <algorithm>
#include <cstring>
#include <limits>
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

// The size class of so many grains: all classes are whole grains.
constexpr std::size_t kGrain = 128;

template <std::size_t N>
constexpr auto classes_by_grains(const std::array<std::uint32_t, N>& classes) {
  std::array<std::uint8_t, BufferPool::kLargest / kGrain + 1> found{};
  for (std::size_t grains = 0; grains < found.size(); ++grains) {
    while (classes[found[grains]] < grains * kGrain) ++found[grains];
  }
  return found;
}

}  // namespace

void PacketBuffer::give_back() noexcept { pool_->give_back(block_ - prefix_size_, size_class_); }

std::size_t PacketBuffer::footprint() const noexcept {
  return block_ == nullptr ? 0 : BufferPool::kClasses[size_class_];
}

BufferPool::BufferPool(std::shared_ptr<MemoryBudget> budget)
    : budget_(std::move(budget)), kept_(std::min(kKept, budget_->limit() / 64)) {}

BufferPool::~BufferPool() {
  release_unused(std::numeric_limits<std::size_t>::max());
  budget_->give_back(granted_);
}

bool BufferPool::release_unused(std::size_t blocks) noexcept {
  while (blocks > 0 && free_largest()) --blocks;
  const std::size_t spare = (granted_ - allocated_) / kPiece * kPiece;
  granted_ -= spare;
  budget_->give_back(spare);
  return blocks == 0;
}

PacketBuffer BufferPool::copy_of(std::span<const std::uint8_t> bytes) noexcept {
  PacketBuffer buffer = allocate(bytes.size());
  if (buffer) std::memcpy(buffer.block_, bytes.data(), bytes.size());
  return buffer;
}

PacketBuffer BufferPool::allocate(std::size_t size) noexcept {
  PacketBuffer buffer;
  if (size == 0 || size > kClasses.back()) return buffer;
  static constexpr auto kClassOf = classes_by_grains(kClasses);
  const std::uint8_t size_class = kClassOf[(size + kGrain - 1) / kGrain];
  std::uint8_t* block = take(size_class);
  if (block == nullptr) return buffer;
  buffer.pool_ = this;
  buffer.block_ = block;
  buffer.size_ = static_cast<std::uint32_t>(size);
  buffer.size_class_ = size_class;
  return buffer;
}

PacketBuffer BufferPool::allocate(std::size_t size, std::span<const std::uint8_t> prefix) noexcept {
  PacketBuffer buffer = allocate(size + prefix.size());
  if (!buffer || prefix.empty()) return buffer;
  std::memcpy(buffer.block_, prefix.data(), prefix.size());
  buffer.begin_behind(prefix.size());
  return buffer;
}

std::uint8_t* BufferPool::take(std::uint8_t size_class) noexcept {
  const std::size_t size = cost(size_class);
  std::uint8_t* block = free_[size_class];
  if (block != nullptr) {
    free_[size_class] = next_of(block);
    __builtin_prefetch(free_[size_class]);  // whoever comes next asks it for the one behind
  } else {
    if (!make_room(size)) return nullptr;
    block = new (std::nothrow) std::uint8_t[kClasses[size_class]];
    if (block == nullptr) return nullptr;
    allocated_ += size;
  }
  in_use_ += size;
  return block;
}

/// Sees to it that `size` more bytes may be allocated: granted by the budget, or else freed of what is kept.
bool BufferPool::make_room(std::size_t size) noexcept {
  if (size > budget_->limit()) return false;
  for (;;) {
    if (allocated_ + size <= granted_) return true;
    const std::size_t lacking = allocated_ + size - granted_;
    for (const std::size_t piece : {std::max(lacking, kPiece), lacking}) {
      if (!budget_->take(piece)) continue;
      granted_ += piece;
      return true;
    }
    if (!free_largest()) return false;
  }
}

void BufferPool::give_back(std::uint8_t* block, std::uint8_t size_class) noexcept {
  in_use_ -= cost(size_class);
  const std::size_t kept = allocated_ - in_use_;
  set_next(block, free_[size_class]);
  free_[size_class] = block;
  // Two at a time: what is in use shrinks with what is kept.
  for (int i = 0; i < 2 && kept > kPiece && kept > in_use_ + (budget_->is_short() ? 0 : kept_); ++i) {
    if (free_[size_class] != nullptr) {
      free_one(size_class);
    } else {
      free_largest();
    }
  }
  if (granted_ - allocated_ < 2 * kPiece) return;
  granted_ -= kPiece;
  budget_->give_back(kPiece);
}

void BufferPool::free_one(std::size_t size_class) noexcept {
  std::uint8_t* block = free_[size_class];
  free_[size_class] = next_of(block);
  delete[] block;
  allocated_ -= cost(size_class);
}

bool BufferPool::free_largest() noexcept {
  for (std::size_t c = kClasses.size(); c > 0; --c) {
    if (free_[c - 1] == nullptr) continue;
    free_one(c - 1);
    return true;
  }
  return false;
}

}  // namespace wobble
