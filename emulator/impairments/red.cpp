#include "emulator/impairments/red.h"

#include <algorithm>

#include "emulator/chance/random.h"

namespace wobble {
namespace {

constexpr std::uint32_t kDefaultPacket = 1000;
constexpr std::uint64_t kOne = 1'000'000'000'000'000;  // of a probability
__extension__ using Wide = unsigned __int128;

/// tc's choice: the smallest exponent with which a burst of `burst` packets passes before the average reaches min.
unsigned exponent_for(std::uint64_t burst, std::uint64_t min_packets) noexcept {
  const double wanted = static_cast<double>(burst) + 1 - static_cast<double>(min_packets);
  double weight = 0.5;
  for (unsigned exponent = 1; exponent < 32; ++exponent, weight /= 2) {
    double kept = 1;
    for (std::uint64_t i = 0; i < burst && kept > 1e-9; ++i) kept *= 1 - weight;
    if (wanted <= (1 - kept) / weight) return exponent;
  }
  return 31;
}

/// value (1 - 2^-exponent)^n.
std::uint64_t decayed(std::uint64_t value, unsigned exponent, std::uint64_t n) noexcept {
  constexpr std::uint64_t kUnit = std::uint64_t{1} << 63;
  std::uint64_t power = kUnit - (kUnit >> exponent), factor = kUnit;
  for (; n > 0; n /= 2) {
    if (n % 2 == 1) factor = static_cast<std::uint64_t>(Wide{factor} * power >> 63);
    power = static_cast<std::uint64_t>(Wide{power} * power >> 63);
  }
  return static_cast<std::uint64_t>(Wide{value} * factor >> 63);
}

}  // namespace

RedQueue::RedQueue(const QueueSettings& settings, const Surroundings& around) noexcept
    : min_(0),
      max_(std::max<std::uint64_t>(settings.max.value_or(around.limit_bytes / 4), 2)),
      probability_(settings.probability.value_or(Probability::percent(2))),
      idle_packet_ns_(0),
      ecn_(settings.ecn),
      gentle_(settings.gentle) {
  min_ = std::min(settings.min.value_or(max_ / 3), max_ - 1);
  const std::uint64_t packet = settings.avpkt.value_or(kDefaultPacket);
  idle_packet_ns_ = packet * 1'000'000'000 / std::max<std::uint64_t>(around.line_bytes_per_second, 1);
  weight_ = exponent_for((2 * min_ + max_) / (3 * packet), min_ / packet);
}

OnArrival RedQueue::arrive(std::uint64_t number, std::uint32_t, bool is_ecn_capable, TimePoint now) noexcept {
  update_average(now);
  if (!chooses(number)) return OnArrival::enqueue;
  return ecn_ && is_ecn_capable ? OnArrival::mark : OnArrival::drop;
}

void RedQueue::update_average(TimePoint now) noexcept {
  if (backlog().packets == 0) {
    if (idle_since_ == TimePoint::min()) return;
    const auto idle = static_cast<std::uint64_t>((now - idle_since_).count());
    average_ = decayed(average_, weight_, idle / std::max<std::uint64_t>(idle_packet_ns_, 1));
    idle_since_ = now;
    return;
  }
  const std::uint64_t present = backlog().bytes << 16;
  average_ = average_ - (average_ >> weight_) + (present >> weight_);
}

bool RedQueue::chooses(std::uint64_t number) noexcept {
  const std::uint64_t average = average_ >> 16;
  if (average < min_) {
    count_ = -1;
    return false;
  }
  if (average >= (gentle_ ? 2 * max_ : max_)) {
    count_ = 0;
    return true;
  }
  ++count_;
  const std::uint64_t p_b = share();
  const Wide used = Wide{p_b} * static_cast<std::uint64_t>(count_);
  const bool is_chosen = used >= kOne || is_hit(number, Ratio{p_b, kOne - static_cast<std::uint64_t>(used)});
  if (is_chosen) count_ = 0;
  return is_chosen;
}

std::uint64_t RedQueue::share() const noexcept {
  constexpr std::uint64_t kPart = kOne / Probability::kOne;
  const std::uint64_t at_max = probability_.parts_per_billion * kPart;
  if (average_ < max_ << 16) {
    return static_cast<std::uint64_t>(Wide{average_ - (min_ << 16)} * at_max / ((max_ - min_) << 16));
  }
  return at_max + static_cast<std::uint64_t>(Wide{kOne - at_max} * (average_ - (max_ << 16)) / (max_ << 16));
}

std::optional<Waiting> RedQueue::pop(TimePoint now, Drops&) noexcept {
  std::optional<Waiting> head = take();
  if (backlog().packets == 0) idle_since_ = now;
  return head;
}

}  // namespace wobble
