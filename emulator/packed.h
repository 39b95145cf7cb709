// Counts and moments in a record: packed, so that what stands beside them leaves no gap.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "emulator/time.h"

namespace wobble {

/// A count in six bytes: of bytes, 281 TB. Beyond 48 bits it begins again.
class Count48 {
 public:
  Count48& operator=(std::uint64_t n) noexcept {
    const auto low = static_cast<std::uint32_t>(n);
    std::memcpy(words_.data(), &low, sizeof low);
    words_[2] = static_cast<std::uint16_t>(n >> 32);
    return *this;
  }
  Count48& operator+=(std::uint64_t n) noexcept { return *this = *this + n; }
  Count48& operator-=(std::uint64_t n) noexcept { return *this = *this - n; }
  operator std::uint64_t() const noexcept {
    std::uint32_t low;
    std::memcpy(&low, words_.data(), sizeof low);
    return low | std::uint64_t{words_[2]} << 32;
  }

 private:
  std::array<std::uint16_t, 3> words_{};
};

/// A moment or a span wherever there are eight bytes: chrono's own needs them at a multiple of eight.
template <class T>
class Packed {
 public:
  Packed() = default;
  Packed(T value) noexcept : words_(std::bit_cast<Words>(value)) {}
  T get() const noexcept { return std::bit_cast<T>(words_); }

 private:
  using Words = std::array<std::uint32_t, 2>;
  Words words_{};
};

}  // namespace wobble
