// Hashes for tables that forget: fast, and not for what must withstand chosen collisions for long. What collides is at
// worst looked for longer.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "emulator/chance/random.h"
#include "emulator/packet/address.h"

namespace wobble::daemon {

inline std::uint64_t word_at(const std::uint8_t* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Four words at a time, each in a lane of its own.
inline std::uint64_t quick_hash(std::span<const std::uint8_t> bytes, std::uint64_t seed) noexcept {
  constexpr std::uint64_t kFactor = 0x9e3779b97f4a7c15ULL;
  std::uint64_t lanes[4] = {seed, seed ^ 1, seed ^ 2, seed ^ 3};
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size();
  const auto add = [](std::uint64_t& lane, std::uint64_t word) { lane = std::rotl(lane ^ word, 29) * kFactor; };
  for (; left >= 32; left -= 32, at += 32) {
    for (std::size_t i = 0; i < 4; ++i) add(lanes[i], word_at(at + 8 * i));
  }
  for (std::size_t i = 0; i < 3 && left >= 8; ++i, left -= 8, at += 8) add(lanes[i], word_at(at));
  std::uint64_t last = bytes.size();
  for (std::size_t i = 0; i < left; ++i) last = last << 8 | at[i];
  std::uint64_t hash = mix64(lanes[0] ^ last);
  for (std::size_t i = 1; i < 4; ++i) hash = mix64(hash ^ lanes[i]);
  return hash;
}

inline std::uint64_t hash_of_addresses(const IpAddress& a, const IpAddress& b) noexcept {
  const std::uint64_t first = word_at(a.bytes.data()) ^ std::rotl(word_at(a.bytes.data() + 8), 17);
  const std::uint64_t second = word_at(b.bytes.data()) ^ std::rotl(word_at(b.bytes.data() + 8), 17);
  return mix64(first ^ mix64(second + 0x9e3779b97f4a7c15ULL));
}

}  // namespace wobble::daemon
