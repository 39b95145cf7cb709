#pragma once

#include <cstdint>
#include <random>

#include "emulator/conditions/conditions.h"

namespace wobble::api {

/// Conditions as anybody might ask for, all valid.
class AnyConditions {
 public:
  explicit AnyConditions(unsigned seed) : random_(seed) {}

  DirectionConditions direction() {
    using namespace std::chrono_literals;
    DirectionConditions c;
    if (coin())
      c.delay = {time(kMaxDelay), time(kMaxDelay), static_cast<Distribution>(below(5)), coin(), correlation(), scope()};
    if (c.delay.distribution == Distribution::table) c.delay.table = {-32768, 0, 8192, 32767};
    if (coin()) c.loss = loss();
    if (coin()) c.duplicate = {chance(), correlation(), scope()};
    if (coin()) c.corrupt = {chance(), 1 + below(64), coin(), correlation(), scope()};
    if (coin())
      c.reorder = coin() ? ReorderSettings{chance(), 1 + below(1000), 0ns, correlation(), below(kMaxGap), scope()}
                         : ReorderSettings{chance(), 0, time(kMaxDelay)};
    if (coin()) c.rate = kMinRate + random_() % (kMaxRate - kMinRate);
    if (c.rate.bits_per_second > 0 && coin()) bottleneck(c);
    if (coin())
      c.queue.limit_bytes = 1 + below(1u << 31);
    else if (coin())
      c.queue.limit_packets = 1 + below(1u << 31);
    else if (coin())
      c.queue.limit_time = time(kMaxDelay);
    if (coin())
      c.outage.on = true;
    else if (coin())
      c.outage = {false, time(1min), time(1min), coin()};
    if (coin()) {
      const Duration min = time(kMaxDelay / 2);
      c.slot = {min, coin() ? min : min + time(kMaxDelay / 2), coin() ? below(100) : 0, coin() ? below(1u << 31) : 0};
      if (coin()) {
        c.slot.min = c.slot.max = 0ns;
        c.slot.delay = time(kMaxDelay);
        c.slot.jitter = coin() ? time(kMaxDelay) : 0ns;
        c.slot.distribution = static_cast<Distribution>(below(5));
        if (c.slot.distribution == Distribution::table) c.slot.table = {-1, 0, 1};
      }
    }
    if (coin()) c.mtu = {kMinMtu + below(60'000), coin()};
    if (coin()) c.idle_timeout = {time(kMaxIdle), coin() ? IdleAction::drop : IdleAction::reset};
    return c;
  }

  void bottleneck(DirectionConditions& c) {
    using namespace std::chrono_literals;
    if (coin()) c.rate.burst = below(kMaxBurst);
    if (coin()) c.rate.overhead = static_cast<std::int32_t>(below(2 * kMaxOverhead)) - kMaxOverhead;
    if (coin()) c.rate.cell_size = kMinCell + below(kMaxCell - kMinCell);
    if (c.rate.cell_size > 0 && coin()) c.rate.cell_overhead = below(kMaxCellOverhead);
    c.queue.discipline = static_cast<Discipline>(below(6));
    c.queue.ecn = c.queue.discipline > Discipline::drophead && coin();
    if (c.queue.discipline == Discipline::pie && coin()) c.queue.alpha = below(1'000'000'000);
    if (c.queue.discipline == Discipline::pie && coin()) c.queue.max_burst = Duration(below(1'000'000'000));
    if (c.queue.discipline == Discipline::codel && coin()) c.queue.interval = 1us + time(59s);
    if (c.queue.discipline == Discipline::red && coin()) c.queue.probability = chance();
    if (c.queue.discipline == Discipline::red && coin()) c.queue.max = 2 + below(1'000'000);
    if (c.queue.discipline == Discipline::fq_codel && coin()) c.queue.flows = 1 + below(kMaxFlows);
    if (c.queue.discipline == Discipline::fq_codel && coin()) c.queue.quantum = 64 + below(100'000);
  }

  LossSettings loss() {
    LossSettings out;
    out.after_rate = coin();
    const Probability half{Probability::kOne / 2};
    switch (below(7)) {
      case 0:
        out.model = RandomLoss{chance()};
        if (coin()) out.correlation = {below(Probability::kOne)};
        break;
      case 1: out.model = GilbertElliott{chance(), chance(), chance(), chance()}; break;
      case 2: out.model = BurstLoss{{below(half.parts_per_billion)}, 1000 + below(kMaxBurstLength - 1000)}; break;
      case 3:
        out.model = MarkovLoss{half, {below(half.parts_per_billion)}, half, chance(), {below(half.parts_per_billion)}};
        break;
      case 4: out.model = EveryLoss{1 + below(1u << 31)}; break;
      case 5: out.model = ListLoss{{1 + below(10), 20 + random_() / 2}}; break;
      default: out.model = PatternLoss{coin() ? "x." : "..x"};
    }
    out.per = scope();
    out.ecn = coin();
    return out;
  }

 private:
  bool coin() { return random_() % 2 == 0; }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  Probability correlation() { return {coin() ? below(Probability::kOne) : 0}; }
  Scope scope() { return coin() ? Scope::connection : Scope::link; }
  Probability chance() { return {1 + below(Probability::kOne)}; }
  /// From 1 ns to `most`, at every order of magnitude.
  Duration time(Duration most) {
    const auto whole = static_cast<std::uint64_t>(most.count());
    return Duration(1 + static_cast<std::int64_t>((random_() % whole) >> (random_() % 40)));
  }
  std::mt19937_64 random_;
};

}  // namespace wobble::api
