// Times by order of magnitude: a log-linear histogram of fixed size, 16 steps to each power of two (error at most 6.25
// %), exact below 16 ns. Like HdrHistogram's idea, without its generality.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "emulator/time.h"

namespace wobble {

class Histogram {
 public:
  static constexpr std::size_t kSteps = 16;
  static constexpr std::size_t kBuckets = 44 * kSteps;  // to 2^47 ns: 39 hours

  void add(Duration value, std::uint32_t times = 1) noexcept {
    const std::uint64_t v = value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count());
    counts_[bucket_of(v)] += times;
    count_ += times;
    sum_ += v * times;
    if (v > max_) max_ = v;
  }
  Histogram& operator+=(const Histogram& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  Duration sum() const noexcept { return Duration(sum_); }
  Duration max() const noexcept { return Duration(max_); }
  Duration mean() const noexcept { return Duration(count_ == 0 ? 0 : sum_ / count_); }

  /// The value below or at which a share `q` of all lie (upper edge of its bucket, at most max()); 0 if empty.
  Duration quantile(double q) const noexcept;

  /// How many values lie at or below `limit`, by whole buckets.
  std::uint64_t count_up_to(Duration limit) const noexcept;

 private:
  static constexpr std::size_t bucket_of(std::uint64_t v) noexcept {
    if (v < kSteps) return v;
    const int shift = static_cast<int>(std::bit_width(v)) - 5;  // 16..31 → 0
    const std::size_t b = (static_cast<std::size_t>(shift) + 1) * kSteps + ((v >> shift) - kSteps);
    return b < kBuckets ? b : kBuckets - 1;
  }
  static constexpr std::uint64_t upper_edge(std::size_t bucket) noexcept {
    if (bucket < kSteps) return bucket;
    const std::size_t shift = bucket / kSteps - 1;
    return ((bucket % kSteps + kSteps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace wobble
