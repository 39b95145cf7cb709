// Chance that repeats. One seed belongs to a link; from it hangs an independent stream for each (direction, stage,
// flow), and the k-th number of a stream can be had without the ones before it. So changing the jitter does not change
// which packets are lost, and the k-th packet of a flow meets the same fate in every run.
//
// The generator is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014):
// number k of a stream is mix64(key + (k + 1) * golden). Integers only, so every machine draws the same.
#pragma once

#include <cstdint>

#include "emulator/conditions/conditions.h"

namespace wobble {

/// Names the scheme above in reports; changes when the numbers would.
inline constexpr const char* kRandomVersion = "splitmix64-1";

constexpr std::uint64_t mix64(std::uint64_t z) noexcept {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// What a number is drawn for. The values are part of the scheme: append only.
enum class Stage : std::uint8_t {
  loss = 1,
  corrupt = 2,
  duplicate = 3,
  delay = 4,
  reorder = 5,
  corrupt_bits = 6,
  loss_state = 7,
  delay_again = 8,
  slot = 9,
  queue = 10
};

class RandomStream {
 public:
  constexpr explicit RandomStream(std::uint64_t key) noexcept : key_(key) {}
  /// The k-th number, uniform over all 64-bit values.
  constexpr std::uint64_t at(std::uint64_t k) const noexcept { return mix64(key_ + (k + 1) * 0x9e3779b97f4a7c15ULL); }

 private:
  std::uint64_t key_;
};

/// All streams of one stage of one direction.
class StageStreams {
 public:
  StageStreams(std::uint64_t seed, std::uint8_t direction, Stage stage) noexcept;
  RandomStream for_flow(std::uint64_t flow_key) const noexcept { return RandomStream(mix64(key_ ^ mix64(flow_key))); }

 private:
  std::uint64_t key_;
};

/// The stream of one stage of one direction for one flow (flow_key 0: the whole link's, for models with a memory).
RandomStream stream_for(std::uint64_t seed, std::uint8_t direction, Stage stage, std::uint64_t flow_key) noexcept;

/// The number for a packet's duplicate, where the original drew `number`.
constexpr std::uint64_t number_for_copy(std::uint64_t number) noexcept { return mix64(number ^ 0xd1b54a32d192ed03ULL); }

/// True with exactly probability p (to 2^-64), given a uniform number.
bool is_hit(std::uint64_t number, Probability p) noexcept;

/// A probability that parts per billion cannot hold: numerator / denominator, neither above 10^18, denominator not 0.
struct Ratio {
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
};
bool is_hit(std::uint64_t number, Ratio p) noexcept;

/// -scale to +scale inclusive, evenly.
std::int64_t uniform_offset(std::uint64_t number, std::int64_t scale) noexcept;

/// The standard normal distribution's inverse CDF in units of 2^-32: the number's top bit is the sign, the rest the
/// probability of the tail beyond.
std::int64_t normal_quantile(std::uint64_t number) noexcept;

/// Normal with mean 0 and standard deviation `scale`, by inverse CDF from integer tables; tails to more than 6 sigma.
std::int64_t normal_offset(std::uint64_t number, std::int64_t scale) noexcept;

}  // namespace wobble
