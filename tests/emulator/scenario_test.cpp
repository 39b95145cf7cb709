// Scenarios: conditions that follow each other, each exactly for its time.
#include <gtest/gtest.h>

#include "tests/emulator/bench.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;

/// 25 ms, and each 15 s for one second 65 ms up and 45 ms down.
LinkConditions handovers() {
  LinkConditions c;
  c.up.delay.time = c.down.delay.time = 25ms;
  DirectionConditions up = c.up, down = c.down;
  up.delay.time = 65ms;
  down.delay.time = 45ms;
  c.scenario = {{14s, {}, {}}, {1s, up, down}};
  return c;
}

/// How long a packet takes that arrives at `at`.
Duration delay_at(Bench& bench, TimePoint at, Side side = Side::near) {
  bench.release(at);
  bench.admit(datagram(10), side, at);
  bench.run_until(at + 1s);
  return bench.left.back().at - at;
}

TEST(Scenario, EachStepLastsForItsTimeToTheNanosecond) {
  Bench bench(1);
  const TimePoint begin(10s);
  bench.link.apply(handovers(), begin);
  for (const Duration round : {0s, 15s, 30s, 15s * 1000}) {
    EXPECT_EQ(delay_at(bench, begin + round), 25ms);
    EXPECT_EQ(delay_at(bench, begin + round + 12s, Side::far), 25ms);
  }
  Bench edge(1);
  edge.link.apply(handovers(), begin);
  EXPECT_EQ(delay_at(edge, begin + 14s - 1ns), 25ms);
  EXPECT_EQ(delay_at(edge, begin + 29s), 65ms) << "the second round's second step";
  EXPECT_EQ(delay_at(edge, begin + 45s - 1s, Side::far), 45ms);
  EXPECT_EQ(delay_at(edge, begin + 60s), 25ms);
}

TEST(Scenario, AStepIsInForceForWhoArrivesBeforeAnybodyAsks) {
  Bench bench(1);
  bench.link.apply(handovers(), TimePoint(10s));
  bench.admit(datagram(10), Side::near, TimePoint(24s + 500ms));  // nobody has called advance()
  bench.run_until(TimePoint(1min));
  EXPECT_EQ(bench.left.back().at, TimePoint(24s + 565ms));
  EXPECT_EQ(bench.link.next_due() <= TimePoint(1min + 15s), true) << "the next step is asked for";
}

TEST(Scenario, TellsTheStepInForce) {
  Bench bench(1);
  EXPECT_EQ(bench.link.stats(TimePoint(10s)).step, 0u);
  bench.link.apply(handovers(), TimePoint(10s));
  EXPECT_EQ(bench.link.stats(TimePoint(10s)).step, 1u);
  EXPECT_EQ(bench.link.stats(TimePoint(10s)).step_ends, TimePoint(24s));
  bench.run_until(TimePoint(24s));
  EXPECT_EQ(bench.link.stats(TimePoint(24s)).step, 2u);
  EXPECT_EQ(bench.link.stats(TimePoint(24s)).step_ends, TimePoint(25s));
  bench.link.reset(TimePoint(24s));
  EXPECT_EQ(bench.link.stats(TimePoint(24s)).step, 0u);
  EXPECT_EQ(bench.link.next_due(), kNever);
}

TEST(Scenario, GoesOnWhenSomethingElseChanges) {
  Bench bench(1);
  LinkConditions c = handovers();
  bench.link.apply(c, TimePoint(10s));
  c.up.loss.model = EveryLoss{1'000'000};
  bench.link.apply(c, TimePoint(20s));
  EXPECT_EQ(bench.link.stats(TimePoint(20s)).step_ends, TimePoint(24s));
  c.scenario[0].length = 13s;
  bench.link.apply(c, TimePoint(21s));
  EXPECT_EQ(bench.link.stats(TimePoint(21s)).step_ends, TimePoint(34s)) << "another one begins anew";
}

TEST(Scenario, AStepThatIsShorterLetsNothingOvertake) {
  Bench bench(1);
  bench.link.apply(handovers(), TimePoint(10s));
  bench.admit(datagram(1), Side::near, TimePoint(25s - 1ms));
  bench.admit(datagram(2), Side::near, TimePoint(25s + 1ms));
  bench.run_until(TimePoint(30s));
  ASSERT_EQ(bench.left.size(), 2u);
  EXPECT_EQ(bench.left[0].bytes, datagram(1).bytes);
  EXPECT_EQ(bench.left[0].at, TimePoint(25s + 64ms));
  EXPECT_EQ(bench.left[1].at, TimePoint(25s + 64ms));
}

TEST(Scenario, ATunnelDropsWhatIsInFlightIfAsked) {
  Bench bench(1);
  LinkConditions c;
  c.up.delay.time = 2s;
  DirectionConditions tunnel = c.up;
  tunnel.outage = {true, {}, {}, true};
  c.scenario = {{10s, {}, {}}, {1s, tunnel, {}}};
  bench.link.apply(c, TimePoint(10s));
  for (std::size_t i = 1; const Duration at : {17s, 19s, 20s, 21s, 30s}) {
    bench.run_until(TimePoint(at));
    bench.admit(datagram(i++), Side::near, TimePoint(at));
  }
  ASSERT_EQ(bench.left.size(), 2u);
  EXPECT_EQ(bench.left[1].bytes, datagram(4).bytes);
  EXPECT_EQ(bench.link.stats(TimePoint(30s)).up.total.dropped[static_cast<std::size_t>(DropReason::outage)], 2u);
  bench.expect_balance();
}

TEST(Scenario, WhatIsMeasuredIsOfAllItsSteps) {
  Bench bench(1);
  LinkConditions c;
  DirectionConditions lossy;
  lossy.loss.model = EveryLoss{2};
  c.scenario = {{1s, {}, {}}, {1s, lossy, {}}};
  bench.link.apply(c, TimePoint(10s));
  for (int i = 0; i < 4000; ++i) bench.admit(datagram(1), Side::near, TimePoint(10s) + i * 1ms);
  const DirectionCounters measured = bench.link.stats(TimePoint(14s)).up.since_change;
  EXPECT_EQ(measured.packets_in, 4000u);
  EXPECT_EQ(measured.dropped[static_cast<std::size_t>(DropReason::loss)], 1000u);
}

}  // namespace
}  // namespace wobble
