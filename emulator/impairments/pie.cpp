#include "emulator/impairments/pie.h"

#include <algorithm>

#include "emulator/chance/random.h"

namespace wobble {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kCertain = PieQueue::kCertain;
constexpr std::int64_t kMarkBelow = kCertain / 10;  // MARK_ECNTH
constexpr std::uint64_t kSmallQueue = 2 * 1500;     // bytes, below which nothing is dropped
constexpr Duration kLongestDelay = std::chrono::minutes(1);

/// By how much alpha and beta are scaled down at this probability (RFC 8033 4.2).
std::int64_t divisor_at(std::int64_t probability) noexcept {
  if (probability < kCertain / 1'000'000) return 2048;
  if (probability < kCertain / 100'000) return 512;
  if (probability < kCertain / 10'000) return 128;
  if (probability < kCertain / 1000) return 32;
  if (probability < kCertain / 100) return 8;
  return probability < kCertain / 10 ? 2 : 1;
}

}  // namespace

PieQueue::PieQueue(const QueueSettings& settings, TimePoint now) noexcept
    : target_(settings.target.value_or(milliseconds(15))),
      tupdate_(settings.tupdate.value_or(milliseconds(15))),
      max_burst_(settings.max_burst.value_or(milliseconds(150))),
      alpha_(settings.alpha.value_or(125'000)),
      beta_(settings.beta.value_or(1'250'000)),
      ecn_(settings.ecn),
      next_update_(now + tupdate_),
      burst_allowance_(max_burst_) {}

OnArrival PieQueue::arrive(std::uint64_t number, std::uint32_t, bool is_ecn_capable, TimePoint now) noexcept {
  advance(now);
  if (burst_allowance_ > Duration(0)) return OnArrival::enqueue;
  // Keeps the link busy.
  if (delay_before_ < target_ / 2 && probability_ < kCertain / 5) return OnArrival::enqueue;
  if (backlog().bytes <= kSmallQueue) return OnArrival::enqueue;
  if (!is_hit(number, Ratio{static_cast<std::uint64_t>(probability_), kCertain})) return OnArrival::enqueue;
  return ecn_ && is_ecn_capable && probability_ < kMarkBelow ? OnArrival::mark : OnArrival::drop;
}

std::optional<Waiting> PieQueue::pop(TimePoint now, Drops&) noexcept {
  advance(now);
  std::optional<Waiting> head = take();
  if (head) delay_ = now - head->packet.arrived;
  if (backlog().packets == 0) delay_ = Duration(0);
  return head;
}

/// Does the updates that were due until `now`: between two calls the delay stays what it is.
void PieQueue::advance(TimePoint now) noexcept {
  while (next_update_ <= now) {
    update();
    next_update_ += tupdate_;
    if (is_at_rest() && next_update_ <= now) next_update_ += (now - next_update_) / tupdate_ * tupdate_;
  }
}

void PieQueue::update() noexcept {
  // Millionths of a hertz times nanoseconds are units of 10^-15.
  const auto limited = [](Duration d) { return std::clamp(d, -kLongestDelay, kLongestDelay).count(); };
  __extension__ using Wide = __int128;
  const Wide step = (Wide{alpha_} * limited(delay_ - target_) + Wide{beta_} * limited(delay_ - delay_before_)) /
                    divisor_at(probability_);
  Wide probability = probability_ + step;
  if (delay_ == Duration(0) && delay_before_ == Duration(0)) probability = probability * 98 / 100;
  probability_ = static_cast<std::int64_t>(std::clamp<Wide>(probability, 0, kCertain));

  burst_allowance_ = std::max(burst_allowance_ - tupdate_, Duration(0));
  if (probability_ == 0 && delay_ < target_ / 2 && delay_before_ < target_ / 2) burst_allowance_ = max_burst_;
  delay_before_ = delay_;
}

/// Another update would change nothing.
bool PieQueue::is_at_rest() const noexcept {
  return probability_ == 0 && delay_ == Duration(0) && delay_before_ == Duration(0) && burst_allowance_ == max_burst_;
}

}  // namespace wobble
