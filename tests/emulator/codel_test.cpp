// CoDel against RFC 8289, and FQ-CoDel against RFC 8290.
#include "emulator/impairments/codel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "emulator/impairments/fq_codel.h"
#include "tests/emulator/start.h"
#include "tests/emulator/waiting.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;

/// A queue that is never short of packets: `backlog` of them, each having waited as long as `wait` says when its turn
/// comes, one every millisecond. Tells when packets were dropped.
std::vector<Duration> drop_times(CodelQueue& queue, int milliseconds, Duration (*wait)(Duration)) {
  std::vector<Duration> times;
  QueueBench bench(queue);
  for (int i = 0; i < milliseconds; ++i) {
    const Duration at = i * 1ms;
    // As many as may go in this turn, all as old.
    while (queue.backlog().packets < 8) bench.arrive(kStart + at - wait(at));
    const std::size_t before = bench.dropped_.size();
    EXPECT_TRUE(bench.pop(kStart + at));
    while (queue.backlog().packets > 0) queue.take();
    times.insert(times.end(), bench.dropped_.size() - before, at);
  }
  return times;
}

/// The times of the drops while packets wait too long all the time from 0 on, with a turn every millisecond: the first
/// when the wait has been above the target for an interval, then each at the first turn after the control law's time.
std::vector<Duration> by_the_law(double interval_ms, int until_ms) {
  std::vector<Duration> times;
  double next = interval_ms;
  int turn = static_cast<int>(interval_ms);
  times.push_back(turn * 1ms);
  next = turn + interval_ms / std::sqrt(1.0);
  for (int count = 2; next < until_ms; ++count) {
    turn = static_cast<int>(std::ceil(next));
    if (turn >= until_ms) break;
    times.push_back(turn * 1ms);
    next += interval_ms / std::sqrt(static_cast<double>(count));
  }
  return times;
}

TEST(Codel, DropsByTheControlLaw) {
  CodelQueue queue({});
  const std::vector<Duration> dropped = drop_times(queue, 3000, [](Duration) -> Duration { return 20ms; });
  EXPECT_EQ(dropped, by_the_law(100, 3000));
  EXPECT_GT(dropped.size(), 100u);
}

TEST(Codel, ParametersAreItsOwn) {
  CodelQueue queue({10ms, 40ms, false});
  EXPECT_EQ(drop_times(queue, 1000, [](Duration) -> Duration { return 10ms; }), by_the_law(40, 1000));
  CodelQueue below({10ms, 40ms, false});
  EXPECT_TRUE(drop_times(below, 1000, [](Duration) -> Duration { return 10ms - 1ns; }).empty());
}

TEST(Codel, OneThatWaitedLessThanTheTargetStartsTheIntervalAnew) {
  CodelQueue queue({});
  const std::vector<Duration> dropped =
      drop_times(queue, 199, [](Duration at) -> Duration { return at == 99ms ? 4ms : 50ms; });
  EXPECT_TRUE(dropped.empty());
  CodelQueue other({});
  EXPECT_EQ(drop_times(other, 202, [](Duration at) -> Duration { return at == 99ms ? 4ms : 50ms; }),
            (std::vector<Duration>{200ms}));
}

TEST(Codel, ComingBackSoonItGoesOnWhereItWas) {
  CodelQueue queue({});
  // Long enough for several drops, one good packet, and then too long again.
  const std::vector<Duration> dropped =
      drop_times(queue, 1400, [](Duration at) -> Duration { return at == 1000ms ? 1ms : 50ms; });
  const std::vector<Duration> first = by_the_law(100, 1000);
  const auto count = static_cast<double>(first.size());
  ASSERT_GT(dropped.size(), first.size() + 2);
  EXPECT_EQ(std::vector<Duration>(dropped.begin(), dropped.begin() + static_cast<std::ptrdiff_t>(first.size())), first);
  // The interval begins at 1001 ms; the count begins with what it had grown by.
  EXPECT_EQ(dropped[first.size()], 1101ms);
  const double next = 1101 + 100 / std::sqrt(count - 1);
  EXPECT_EQ(dropped[first.size() + 1], static_cast<int>(std::ceil(next)) * 1ms);
  EXPECT_EQ(dropped[first.size() + 2], static_cast<int>(std::ceil(next + 100 / std::sqrt(count))) * 1ms);
}

TEST(Codel, ComingBackLateItBeginsWithOne) {
  CodelQueue queue({});
  const std::vector<Duration> dropped =
      drop_times(queue, 3000, [](Duration at) -> Duration { return at >= 1000ms && at < 2700ms ? 1ms : 50ms; });
  const std::size_t first = by_the_law(100, 1000).size();
  ASSERT_EQ(dropped.size(), first + 3);
  EXPECT_EQ(dropped[first], 2800ms);
  EXPECT_EQ(dropped[first + 1], 2900ms);
  EXPECT_EQ(dropped[first + 2], 2971ms) << "100 / sqrt(2) later";
}

TEST(Codel, TheLastPacketsAreNeverDropped) {
  CodelQueue queue({});
  QueueBench bench(queue);
  for (int i = 0; i < 1000; ++i) {
    bench.arrive(kStart + i * 1ms);
    bench.arrive(kStart + i * 1ms);
    EXPECT_TRUE(bench.pop(kStart + i * 1ms + 50ms)) << "one full packet is behind it";
    EXPECT_TRUE(bench.pop(kStart + i * 1ms + 50ms)) << "none is";
  }
  EXPECT_TRUE(bench.dropped_.empty());
  EXPECT_FALSE(bench.pop(kStart + 10s));
}

TEST(Codel, MarksInsteadOfDroppingAtTheSameTimes) {
  CodelQueue queue({5ms, 100ms, true});
  QueueBench bench(queue);
  std::vector<Duration> marked;
  for (int i = 0; i < 1000; ++i) {
    while (queue.backlog().packets < 10) bench.arrive(kStart + i * 1ms - 20ms, 1500, 1, true);
    const auto out = bench.pop(kStart + i * 1ms);
    ASSERT_TRUE(out);
    if (out->to_mark) marked.push_back(i * 1ms);
    while (queue.backlog().packets > 0) queue.take();
  }
  EXPECT_TRUE(bench.dropped_.empty());
  EXPECT_EQ(marked, by_the_law(100, 1000));
}

TEST(Codel, WhatIsNotCapableIsDroppedAllTheSame) {
  CodelQueue queue({5ms, 100ms, true});
  EXPECT_EQ(drop_times(queue, 1000, [](Duration) -> Duration { return 20ms; }), by_the_law(100, 1000));
}

QueueSettings fair(std::uint32_t flows = 1024, std::uint32_t quantum = 1514) {
  QueueSettings s;
  s.discipline = Discipline::fq_codel;
  s.flows = flows;
  s.quantum = quantum;
  return s;
}

TEST(FqCodel, FlowsShareByBytes) {
  FqCodelQueue queue(fair(), 1);
  QueueBench bench(queue);
  for (int i = 0; i < 3000; ++i) bench.arrive(kStart, 1500, 1);
  for (int i = 0; i < 9000; ++i) bench.arrive(kStart, 500, 2);
  for (int i = 0; i < 30'000; ++i) bench.arrive(kStart, 100, 3);
  std::map<std::uint64_t, std::uint64_t> bytes;
  const std::map<std::uint64_t, std::uint64_t> length = {{1, 1500}, {2, 500}, {3, 100}};
  for (int i = 0; i < 20'000; ++i) {
    const auto out = bench.pop(kStart);
    ASSERT_TRUE(out);
    bytes[out->flow] += length.at(out->flow);
    // Never further apart than what each may have been lent: two quanta and a packet.
    for (const auto& [flow, sent] : bytes) {
      ASSERT_LE(sent, bytes.begin()->second + 2 * 1514 + 1500) << i << " flow " << flow;
      ASSERT_GE(sent + 2 * 1514 + 1500, bytes.begin()->second) << i << " flow " << flow;
    }
  }
}

TEST(FqCodel, WhoHasJustBegunComesFirst) {
  FqCodelQueue queue(fair(), 1);
  QueueBench bench(queue);
  for (int i = 0; i < 100; ++i) bench.arrive(kStart, 1500, 1);
  for (int i = 0; i < 10; ++i) bench.pop(kStart);
  for (int round = 0; round < 20; ++round) {
    bench.arrive(kStart, 100, 2);
    EXPECT_EQ(bench.pop(kStart)->flow, 2u) << "a sparse flow never waits for the bulk of another";
    EXPECT_EQ(bench.pop(kStart)->flow, 1u);
    EXPECT_EQ(bench.pop(kStart)->flow, 1u);
  }
}

TEST(FqCodel, WhoIsNewOnceIsNotNewAgainAtOnce) {
  FqCodelQueue queue(fair(), 1);
  QueueBench bench(queue);
  for (int i = 0; i < 100; ++i) bench.arrive(kStart, 1500, 1);
  for (int i = 0; i < 4; ++i) bench.pop(kStart);
  bench.arrive(kStart, 1500, 2);
  EXPECT_EQ(bench.pop(kStart)->flow, 2u);
  // Its quantum is used: it is found empty as a new flow, and goes round with the old ones.
  std::vector<std::uint64_t> order;
  for (int i = 0; i < 6; ++i) {
    bench.arrive(kStart, 1500, 2);
    order.push_back(bench.pop(kStart)->flow);
  }
  EXPECT_NEAR(static_cast<double>(std::count(order.begin(), order.end(), 1u)), 3.0, 1.0);
}

TEST(FqCodel, TheFattestFlowMakesRoomFromItsHead) {
  FqCodelQueue queue(fair(), 1);
  QueueBench bench(queue);
  for (int i = 0; i < 20; ++i) bench.arrive(kStart, 1500, 1);  // packets 0 to 19
  for (int i = 0; i < 100; ++i) bench.arrive(kStart, 100, 2);
  ASSERT_TRUE(queue.make_room(bench.drops_));
  bench.collect();
  EXPECT_EQ(bench.dropped_, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})) << "half of its bytes";
  EXPECT_EQ(bench.reasons_[0], DropReason::queue);
  bench.dropped_.clear();
  for (int i = 0; i < 1000; ++i) bench.arrive(kStart, 1500, 3);
  queue.make_room(bench.drops_);
  bench.collect();
  EXPECT_EQ(bench.dropped_.size(), 64u) << "a batch";
  EXPECT_EQ(bench.dropped_flows_.back(), 3u);
  EXPECT_EQ(queue.backlog().packets, 10u + 100 + 1000 - 64);
}

TEST(FqCodel, EachFlowHasACodelOfItsOwn) {
  FqCodelQueue queue(fair(), 1);
  QueueBench bench(queue);
  for (int i = 0; i < 2000; ++i) bench.arrive(kStart, 1500, 1);
  for (int i = 0; i < 1000; ++i) {
    const TimePoint now = kStart + i * 1ms;
    bench.arrive(now, 100, 2);
    ASSERT_TRUE(bench.pop(now));
    ASSERT_TRUE(bench.pop(now));
  }
  EXPECT_GT(bench.dropped_.size(), 10u);
  for (const std::uint64_t flow : bench.dropped_flows_) EXPECT_EQ(flow, 1u);
}

TEST(FqCodel, TheSeedDecidesWhoSharesAQueue) {
  const auto together = [](std::uint64_t seed) {
    std::vector<bool> same;
    for (std::uint64_t other = 2; other < 60; ++other) {
      FqCodelQueue queue(fair(2, 100), seed);
      QueueBench bench(queue);
      for (int i = 0; i < 2; ++i) bench.arrive(kStart, 1000, 1);
      bench.arrive(kStart, 1000, other);
      bench.pop(kStart);
      same.push_back(bench.pop(kStart)->flow == 1);
    }
    return same;
  };
  EXPECT_EQ(together(1), together(1));
  EXPECT_NE(together(1), together(2));
}

}  // namespace
}  // namespace wobble
