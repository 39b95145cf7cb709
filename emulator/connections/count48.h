// A count in six bytes: of bytes, 281 TB.
#pragma once

#include <array>
#include <cstdint>

namespace wobble {

class Count48 {
 public:
  Count48& operator+=(std::uint64_t n) noexcept {
    const std::uint64_t sum = *this + n;
    words_ = {static_cast<std::uint16_t>(sum), static_cast<std::uint16_t>(sum >> 16),
              static_cast<std::uint16_t>(sum >> 32)};
    return *this;
  }
  operator std::uint64_t() const noexcept {
    return words_[0] | std::uint64_t{words_[1]} << 16 | std::uint64_t{words_[2]} << 32;
  }

 private:
  std::array<std::uint16_t, 3> words_{};
};

}  // namespace wobble
