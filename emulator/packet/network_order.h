// Numbers in packets, which have the high byte first. Unchecked: whoever asks has compared lengths before.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace wobble {

inline std::uint16_t read16(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  std::uint16_t value = 0;
  std::memcpy(&value, &bytes[at], sizeof value);
  return std::endian::native == std::endian::big ? value : __builtin_bswap16(value);
}

inline std::uint32_t read32(std::span<const std::uint8_t> bytes, std::size_t at) noexcept {
  std::uint32_t value = 0;
  std::memcpy(&value, &bytes[at], sizeof value);
  return std::endian::native == std::endian::big ? value : __builtin_bswap32(value);
}

/// The low 16 bits.
inline void write16(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) noexcept {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

inline void write32(std::span<std::uint8_t> bytes, std::size_t at, std::uint32_t value) noexcept {
  write16(bytes, at, value >> 16);
  write16(bytes, at + 2, value);
}

}  // namespace wobble
