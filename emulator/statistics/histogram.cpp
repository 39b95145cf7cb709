#include "emulator/statistics/histogram.h"

#include <algorithm>

namespace wobble {

Histogram& Histogram::operator+=(const Histogram& other) noexcept {
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) counts_[bucket] += other.counts_[bucket];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
  return *this;
}

Duration Histogram::quantile(double q) const noexcept {
  if (count_ == 0) return Duration(0);
  // The rank of the value asked for: the smallest whole number not below q * count, at least the first.
  const double exact = q * static_cast<double>(count_);
  auto rank = exact <= 1.0 ? std::uint64_t{1} : std::min(count_, static_cast<std::uint64_t>(exact));
  if (static_cast<double>(rank) < exact && rank < count_) ++rank;

  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket + 1 < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) return Duration(std::min(upper_edge(bucket), max_));
  }
  return max();  // the last bucket has no upper edge
}

std::uint64_t Histogram::count_up_to(Duration limit) const noexcept {
  if (limit.count() < 0) return 0;
  if (static_cast<std::uint64_t>(limit.count()) >= max_) return count_;
  std::uint64_t count = 0;
  for (std::size_t bucket = 0; bucket + 1 < kBuckets; ++bucket) {
    if (upper_edge(bucket) > static_cast<std::uint64_t>(limit.count())) break;
    count += counts_[bucket];
  }
  return count;
}

}  // namespace wobble
