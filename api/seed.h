// The number from which all chance of a link follows.
#pragma once

#include <cstdint>
#include <random>

namespace wobble::api {

/// Seeds are JSON numbers, so they stay exact in every reader: below 2^53.
inline constexpr std::uint64_t kLargestSeed = (std::uint64_t{1} << 53) - 1;

inline std::uint64_t draw_seed() {
  std::random_device device;
  return ((std::uint64_t{device()} << 32) | device()) & kLargestSeed;
}

}  // namespace wobble::api
