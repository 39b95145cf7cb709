#include "emulator/impairments/delivery_trace.h"

#include <algorithm>
#include <utility>

namespace wobble {

using std::chrono::milliseconds;

void DeliveryTrace::start(Moments ms, TimePoint now) noexcept {
  ms_ = std::move(ms);
  start_ = now;
  period_ = ms_ ? Duration(milliseconds(ms_->back())) : Duration(0);
  next_ = 0;
  left_ = 0;
  current_ = TimePoint::min();
}

TimePoint DeliveryTrace::moment(std::uint64_t n) const noexcept {
  const std::uint64_t round = n / ms_->size();
  return start_ + static_cast<std::int64_t>(round) * period_ + milliseconds((*ms_)[n % ms_->size()]);
}

std::uint64_t DeliveryTrace::first_after(TimePoint since) const noexcept {
  if (since < start_) return next_;
  const std::int64_t round = (since - start_) / period_;
  const Duration within = (since - start_) % period_;
  const auto later = std::upper_bound(ms_->begin(), ms_->end(), within,
                                      [](Duration d, std::uint32_t ms) { return d < milliseconds(ms); });
  const std::uint64_t n =
      static_cast<std::uint64_t>(round) * ms_->size() + static_cast<std::uint64_t>(later - ms_->begin());
  return std::max(n, next_);
}

TimePoint DeliveryTrace::next_start(TimePoint since) const noexcept {
  return has_room_for(since) ? current_ : moment(first_after(since));
}

void DeliveryTrace::use(std::uint64_t n) noexcept {
  current_ = moment(n);
  left_ = kOpportunity;
  next_ = n + 1;
}

TimePoint DeliveryTrace::transmit(std::uint32_t length, TimePoint since) noexcept {
  if (!has_room_for(since)) use(first_after(since));
  while (length > left_) {
    length -= left_;
    use(next_);
  }
  left_ -= length;
  return current_;
}

Duration DeliveryTrace::mean_time_for(std::uint64_t bytes) const noexcept {
  __extension__ using Wide = unsigned __int128;
  const Wide round = Wide{ms_->size()} * kOpportunity;
  const Wide time = Wide{bytes} * static_cast<std::uint64_t>(period_.count()) / round;
  return Duration(static_cast<std::int64_t>(std::min<Wide>(time, Wide{1} << 61)));
}

}  // namespace wobble
