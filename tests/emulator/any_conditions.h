// Conditions as anybody might ask for, every impairment and every one of its settings among them, in sizes that let
// some seconds of traffic meet all of them. All valid.
#pragma once

#include <algorithm>
#include <random>

#include "emulator/conditions/conditions.h"

namespace wobble {

class AnyConditions {
 public:
  /// Unless `may_reorder`, nothing that asks for packets to overtake each other.
  AnyConditions(std::uint64_t seed, bool may_reorder) : random_(seed), may_reorder_(may_reorder) {}

  LinkConditions link() {
    LinkConditions c;
    c.up = direction();
    c.down = one_in(4) ? c.up : direction();
    if (!one_in(4)) return c;
    for (std::uint32_t n = 1 + below(4); n > 0; --n) {
      ScenarioStep step{kMinStep + time(std::chrono::seconds(2))};
      if (!one_in(3)) step.up = direction();
      if (!one_in(3)) step.down = direction();
      c.scenario.push_back(step);
    }
    return c;
  }

  DirectionConditions direction() {
    using namespace std::chrono_literals;
    DirectionConditions c;
    if (one_in(2)) delay(c.delay);
    if (one_in(2)) loss(c.loss);
    if (one_in(3)) c.duplicate = {percent(20), correlation(), scope()};
    if (one_in(4)) c.corrupt = {percent(20), 1 + below(64), one_in(2), correlation(), scope()};
    if (one_in(4) && may_reorder_) reorder(c.reorder);
    if (one_in(2)) bottleneck(c);
    if (one_in(8)) outage(c.outage);
    if (one_in(4)) {
      const Duration min = time(5ms);
      c.slot = {min, min + time(5ms), one_in(2) ? below(20) : 0, one_in(2) ? below(30'000) : 0};
      if (one_in(2)) {
        c.slot.min = c.slot.max = Duration(0);
        c.slot.delay = time(5ms);
        c.slot.jitter = one_in(2) ? time(5ms) : Duration(0);
        c.slot.distribution = static_cast<Distribution>(below(5));
        if (c.slot.distribution == Distribution::table) c.slot.table = {-32768, -8192, 0, 8192, 32767};
      }
    }
    if (one_in(4)) c.mtu = {std::max(kMinMtu, below(1600)), one_in(2)};
    if (one_in(4)) c.idle_timeout = {time(10s), one_in(2) ? IdleAction::drop : IdleAction::reset};
    return c;
  }

 private:
  std::uint32_t below(std::uint64_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool one_in(std::uint64_t n) { return random_() % n == 0; }
  Probability percent(std::uint32_t most) { return {1 + below(std::uint64_t{most} * 10'000'000)}; }
  Probability correlation() { return {one_in(2) ? below(Probability::kOne) : 0}; }
  Scope scope() { return one_in(2) ? Scope::connection : Scope::link; }
  Duration time(Duration most) { return Duration(1 + random_() % static_cast<std::uint64_t>(most.count())); }

  void delay(DelaySettings& s) {
    using namespace std::chrono_literals;
    s = {time(200ms),
         one_in(2) ? time(50ms) : 0ns,
         static_cast<Distribution>(below(5)),
         may_reorder_ && one_in(3),
         correlation(),
         scope()};
    if (s.distribution == Distribution::table) s.table = {-32768, -8192, 0, 0, 8192, 32767};
  }

  void loss(LossSettings& s) {
    const Probability half{Probability::kOne / 2};
    switch (below(7)) {
      case 0:
        s.model = RandomLoss{percent(30)};
        s.correlation = correlation();
        break;
      case 1: s.model = GilbertElliott{percent(10), percent(50), percent(100), percent(5)}; break;
      case 2: s.model = BurstLoss{percent(20), 1000 + below(9000)}; break;
      case 3: s.model = MarkovLoss{percent(10), percent(50), half, percent(100), percent(10)}; break;
      case 4: s.model = EveryLoss{2 + below(50)}; break;
      case 5: s.model = ListLoss{{1 + below(10), 20 + random_() % 1000}}; break;
      default: s.model = PatternLoss{one_in(2) ? "...x" : ".....xx"}; break;
    }
    s.after_rate = one_in(2);
    s.ecn = one_in(2);
    s.per = scope();
  }

  void reorder(ReorderSettings& s) {
    using namespace std::chrono_literals;
    s.probability = percent(30);
    if (one_in(2)) {
      s.by_packets = 1 + below(10);
    } else {
      s.by_time = time(50ms);
    }
    s.correlation = correlation();
    s.gap = one_in(2) ? below(10) : 0;
    s.per = scope();
  }

  void bottleneck(DirectionConditions& c) {
    using namespace std::chrono_literals;
    if (one_in(3)) {
      std::vector<std::uint32_t> ms;
      std::uint32_t at = 0;
      for (std::uint32_t n = 1 + below(40); n > 0; --n) ms.push_back(at += below(12));
      ms.back() += 1;
      c.trace = {std::make_shared<const std::vector<std::uint32_t>>(std::move(ms)), ""};
    } else {
      c.rate = 100'000 + random_() % (one_in(2) ? 1'000'000 : 100'000'000);
      if (one_in(3)) c.rate.burst = below(50'000);
      if (one_in(3)) c.rate.overhead = static_cast<std::int32_t>(below(80)) - 20;
      if (one_in(3)) c.rate.cell_size = 48, c.rate.cell_overhead = 5;
    }
    queue(c.queue);
  }

  void queue(QueueSettings& s) {
    using namespace std::chrono_literals;
    using enum Discipline;
    s.discipline = static_cast<Discipline>(below(6));
    s.ecn = s.discipline > drophead && one_in(2);
    switch (below(4)) {
      case 0: s.limit_packets = 1 + below(200); break;
      case 1: s.limit_bytes = 1 + below(100'000); break;
      case 2: s.limit_time = time(300ms); break;
      default: break;
    }
    if ((s.discipline == codel || s.discipline == fq_codel) && one_in(2)) s.interval = 1us + time(100ms);
    if (s.discipline >= codel && s.discipline != red && one_in(2)) s.target = 1us + time(20ms);
    if (s.discipline == pie && one_in(2)) s.tupdate = 1ms + time(30ms), s.max_burst = time(200ms);
    if (s.discipline == pie && one_in(2)) s.alpha = below(1'000'000), s.beta = below(10'000'000);
    if (s.discipline == red && one_in(2)) s.max = 2000 + below(50'000), s.probability = percent(50);
    if (s.discipline == red && one_in(2)) s.min = 1 + below(1500), s.avpkt = 64 + below(1500);
    s.gentle = s.discipline == red && one_in(2);
    if (s.discipline == red && s.min && !s.max) s.max = *s.min + 1 + below(50'000);
    if (s.discipline == fq_codel && one_in(2)) s.flows = 1 + below(9), s.quantum = 64 + below(3000);
  }

  void outage(OutageSettings& s) {
    using namespace std::chrono_literals;
    if (one_in(4)) {
      s.on = true;
    } else {
      s.up_for = time(3s);
      s.down_for = time(500ms);
    }
    s.drop_in_flight = one_in(2);
  }

  std::mt19937_64 random_;
  bool may_reorder_;
};

}  // namespace wobble
