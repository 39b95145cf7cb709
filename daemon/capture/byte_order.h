// Numbers in files of either byte order.
#pragma once

#include <cstdint>
#include <span>

namespace wobble::daemon {

struct ByteOrder {
  bool big = false;

  std::uint16_t u16(std::span<const std::uint8_t> bytes, std::size_t at) const noexcept {
    const std::uint16_t a = bytes[at], b = bytes[at + 1];
    return static_cast<std::uint16_t>(big ? a << 8 | b : b << 8 | a);
  }
  std::uint32_t u32(std::span<const std::uint8_t> bytes, std::size_t at) const noexcept {
    const std::uint32_t a = u16(bytes, at), b = u16(bytes, at + 2);
    return big ? a << 16 | b : b << 16 | a;
  }
  std::uint64_t u64(std::span<const std::uint8_t> bytes, std::size_t at) const noexcept {
    const std::uint64_t a = u32(bytes, at), b = u32(bytes, at + 4);
    return big ? a << 32 | b : b << 32 | a;
  }
};

}  // namespace wobble::daemon
