#include "emulator/impairments/bottleneck.h"

#include <algorithm>

namespace wobble {
namespace {

constexpr std::uint64_t kDefaultLimitBytes = std::uint64_t{1} << 20;
// With absurd limits and rates the backlog could pass the end of time itself (292 years).
constexpr Duration kLongestWait = std::chrono::hours(24 * 365);

}  // namespace

void Bottleneck::configure(std::uint64_t rate, const QueueSettings& queue) noexcept {
  limits_ = queue;
  default_limit_bytes_ = std::max(rate / 8, kDefaultLimitBytes);
  if (rate == rate_) return;
  if (remainder_ > 0) {  // its unit changes
    free_at_ += Duration(1);
    remainder_ = 0;
  }
  rate_ = rate;
}

bool Bottleneck::has_room(std::uint32_t length, TimePoint now) const noexcept {
  const TimePoint start = free_at_ + Duration(remainder_ > 0 ? 1 : 0);
  if (start > now && start - now > kLongestWait) return false;
  if (limits_.limit_time > Duration(0)) return start <= now || start - now <= limits_.limit_time;
  if (limits_.limit_packets > 0) return queue_.size() < limits_.limit_packets;
  const std::uint64_t limit = limits_.limit_bytes > 0 ? limits_.limit_bytes : default_limit_bytes_;
  return length <= limit && queued_bytes_ <= limit - length;
}

DropReason Bottleneck::admit(std::uint32_t length, TimePoint now, TimePoint& departure) noexcept {
  departure = now;
  if (rate_ == 0) return DropReason::none;
  while (!queue_.empty() && queue_.front().departure <= now) queued_bytes_ -= queue_.pop().length;
  if (!has_room(length, now)) return DropReason::queue;

  TimePoint free_at = free_at_;
  std::uint64_t remainder = remainder_;
  if (free_at < now) {
    free_at = now;
    remainder = 0;
  }
  constexpr std::uint64_t kBitNanoseconds = 8 * 1'000'000'000ULL;
  const std::uint64_t work = length * kBitNanoseconds + remainder;  // below 2^60
  free_at += Duration(work / rate_);
  remainder = work % rate_;
  departure = free_at + Duration(remainder > 0 ? 1 : 0);

  if (!queue_.try_push({departure, length})) return DropReason::memory;
  queued_bytes_ += length;
  free_at_ = free_at;
  remainder_ = remainder;
  return DropReason::none;
}

void Bottleneck::forget_backlog() noexcept {
  queue_.clear();
  queued_bytes_ = 0;
  free_at_ = TimePoint::min();
  remainder_ = 0;
}

}  // namespace wobble
