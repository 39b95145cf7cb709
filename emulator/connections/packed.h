// Counts and moments in a record: packed, so that what stands beside them leaves no gap.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "emulator/time.h"

namespace wobble {

/// A count in six bytes: of bytes, 281 TB.
class Count48 {
 public:
  Count48& operator+=(std::uint64_t n) noexcept {
    const std::uint64_t sum = *this + n;
    const auto low = static_cast<std::uint32_t>(sum);
    std::memcpy(words_.data(), &low, sizeof low);
    words_[2] = static_cast<std::uint16_t>(sum >> 32);
    return *this;
  }
  operator std::uint64_t() const noexcept {
    std::uint32_t low;
    std::memcpy(&low, words_.data(), sizeof low);
    return low | std::uint64_t{words_[2]} << 32;
  }

 private:
  std::array<std::uint16_t, 3> words_{};
};

/// A moment wherever there are eight bytes: a TimePoint needs them at a multiple of eight.
class PackedTime {
 public:
  PackedTime& operator=(TimePoint at) noexcept {
    words_ = std::bit_cast<Words>(at.time_since_epoch().count());
    return *this;
  }
  TimePoint get() const noexcept { return TimePoint(Duration(std::bit_cast<Duration::rep>(words_))); }

 private:
  using Words = std::array<std::uint32_t, 2>;
  Words words_{};
};

}  // namespace wobble
