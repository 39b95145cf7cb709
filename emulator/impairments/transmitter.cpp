#include "emulator/impairments/transmitter.h"

#include <algorithm>

namespace wobble {
namespace {

constexpr std::uint64_t kBitNanoseconds = 8 * 1'000'000'000ULL;  // of one byte
__extension__ using Wide = unsigned __int128;

}  // namespace

void Transmitter::configure(const RateSettings& rate, const TraceSettings& trace, TimePoint now) noexcept {
  const bool had_trace = trace_.is_running();
  const bool is_same_trace = trace_.moments() == trace.ms || (had_trace && trace.ms && *trace_.moments() == *trace.ms);
  if (!is_same_trace) {
    trace_.start(trace.ms, now);
    trace_free_from_ = busy_until_;
  }
  if (rate.bits_per_second != rate_.bits_per_second && remainder_ > 0) {  // its unit changes
    paid_ += Duration(1);
    remainder_ = 0;
  }
  if (had_trace && !trace.ms) paid_ = std::max(paid_, busy_until_);
  rate_ = rate;
  if (rate.bits_per_second == 0) return;
  const std::uint64_t saved = rate.burst * kBitNanoseconds;  // at most 8 * 10^18
  const std::uint64_t over = saved % rate.bits_per_second;
  credit_ = Duration(saved / rate.bits_per_second + (over > 0 ? 1 : 0));
  credit_rest_ = over > 0 ? rate.bits_per_second - over : 0;
}

TimePoint Transmitter::next_start(TimePoint since) const noexcept {
  if (trace_.is_running()) return trace_.next_start(std::max(since, trace_free_from_));
  if (rate_.bits_per_second == 0) return since;
  return std::max(since, paid_ + Duration(remainder_ > 0 ? 1 : 0));
}

TimePoint Transmitter::transmit(std::uint32_t length, TimePoint since) noexcept {
  TimePoint departure = since;
  if (trace_.is_running()) {
    departure = trace_.transmit(length, std::max(since, trace_free_from_));
  } else if (rate_.bits_per_second > 0) {
    departure = transmit_at_rate(length, since);
  }
  busy_until_ = std::max(busy_until_, departure);
  return departure;
}

TimePoint Transmitter::transmit_at_rate(std::uint32_t length, TimePoint since) noexcept {
  const std::uint64_t rate = rate_.bits_per_second;
  const TimePoint earliest = since - credit_;
  if (paid_ < earliest || (paid_ == earliest && remainder_ < credit_rest_)) {
    paid_ = earliest;
    remainder_ = credit_rest_;
  }
  const std::uint64_t work = line_bytes(length) * kBitNanoseconds + remainder_;  // below 2^60
  paid_ += Duration(work / rate);
  remainder_ = work % rate;
  return std::max(since, paid_ + Duration(remainder_ > 0 ? 1 : 0));
}

std::uint64_t Transmitter::line_bytes(std::uint32_t length) const noexcept {
  const std::int64_t bytes = std::max<std::int64_t>(std::int64_t{length} + rate_.overhead, 0);
  if (rate_.cell_size == 0) return static_cast<std::uint64_t>(bytes);
  const std::uint64_t cells = (static_cast<std::uint64_t>(bytes) + rate_.cell_size - 1) / rate_.cell_size;
  return cells * (rate_.cell_size + rate_.cell_overhead);
}

Duration Transmitter::time_for(std::uint64_t line_bytes) const noexcept {
  if (trace_.is_running()) return trace_.mean_time_for(line_bytes);
  if (rate_.bits_per_second == 0) return Duration(0);
  const Wide time = Wide{line_bytes} * kBitNanoseconds / rate_.bits_per_second;
  return Duration(static_cast<std::int64_t>(std::min<Wide>(time, Wide{1} << 61)));
}

void Transmitter::forget() noexcept {
  busy_until_ = trace_free_from_ = paid_ = TimePoint::min();
  remainder_ = 0;
}

}  // namespace wobble
