// Slots, exact in virtual time.

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/emulator/lane.h"
#include "tests/emulator/shapes.h"
#include "tests/emulator/statistics.h"

namespace {

using namespace wobble;
using namespace std::chrono_literals;

DirectionConditions with_slots(const SlotSettings& slot) {
  DirectionConditions c;
  c.slot = slot;
  return c;
}

TEST(Slot, PacketsWaitForItAndLeaveTogether) {
  Lane lane(with_slots({5ms, 5ms}));
  EXPECT_EQ(lane.release(kStart), kStart + 5ms);
  EXPECT_EQ(lane.release(kStart + 3ms), kStart + 5ms);
  EXPECT_EQ(lane.release(kStart + 5ms), kStart + 5ms) << "the last moment";
  EXPECT_EQ(lane.release(kStart + 5ms + 1ns), kStart + 10ms + 1ns) << "acquires the next";
}

TEST(Slot, TakesSoManyPackets) {
  Lane lane(with_slots({5ms, 5ms, 3}));
  for (int i = 0; i < 30; ++i) ASSERT_EQ(lane.release(kStart), kStart + (i / 3 + 1) * 5ms);
}

TEST(Slot, TakesSoManyBytes) {
  Lane lane(with_slots({5ms, 5ms, 0, 3000}));
  EXPECT_EQ(lane.release(kStart, 1500), kStart + 5ms);
  EXPECT_EQ(lane.release(kStart, 1500), kStart + 5ms) << "exactly full";
  EXPECT_EQ(lane.release(kStart, 1), kStart + 10ms);
  EXPECT_EQ(lane.release(kStart, 3000), kStart + 15ms);
  EXPECT_EQ(lane.release(kStart, 9000), kStart + 20ms) << "larger than a slot";
  EXPECT_EQ(lane.release(kStart, 3000), kStart + 25ms);
}

TEST(Slot, StandsBehindTheBottleneckAndBeforeTheDelay) {
  DirectionConditions c = with_slots({10ms, 10ms});
  c.rate = 10'000'000;  // 1 ms a packet
  c.delay.time = 100ms;
  Lane lane(c);
  for (int i = 0; i < 11; ++i) ASSERT_EQ(lane.release(kStart), kStart + 1ms + 10ms + 100ms) << i;
  EXPECT_EQ(lane.release(kStart), kStart + 12ms + 10ms + 100ms);
}

TEST(Slot, WaitsAreEvenlySpreadFromMinToMax) {
  const SlotSettings settings{2ms, 6ms};
  Lane lane(with_slots(settings));
  std::vector<double> waits;
  TimePoint now = kStart;
  for (int i = 0; i < 200'000; ++i) {
    const TimePoint opening = lane.release(now);
    ASSERT_GE(opening - now, settings.min);
    ASSERT_LE(opening - now, settings.max);
    waits.push_back(static_cast<double>((opening - now - settings.min).count()) / 4e6);
    now = opening + 1ns;
  }
  EXPECT_LT(statistics::kolmogorov_distance(waits, [](double x) { return x; }),
            statistics::kolmogorov_bound(waits.size()));
}

SlotSettings drawn(Duration delay, Duration jitter, Distribution distribution) {
  SlotSettings s;
  s.delay = delay;
  s.jitter = jitter;
  s.distribution = distribution;
  return s;
}

/// The times from one slot to the next, each with one packet.
std::vector<Duration> waits(const SlotSettings& slot, int n) {
  Lane lane(with_slots(slot));
  std::vector<Duration> all;
  TimePoint now = kStart;
  for (int i = 0; i < n; ++i) {
    const TimePoint opening = lane.release(now);
    all.push_back(opening - now);
    now = opening + 1ns;
  }
  return all;
}

TEST(Slot, WaitsHaveTheQuantilesOfTheirDistribution) {
  for (const shapes::Shape& shape : shapes::kShapes) {
    SCOPED_TRACE(shape.name);
    std::vector<double> deviations;
    for (const Duration wait : waits(drawn(100ms, 10ms, shape.distribution), 200'000)) {
      deviations.push_back(static_cast<double>((wait - 100ms).count()) / 1e7);
    }
    shapes::expect_quantiles(deviations, shape.quantile);
    const auto estimate = statistics::estimate_mean(deviations);
    EXPECT_NEAR(estimate.mean, 0, 5 * estimate.error);
    EXPECT_LT(estimate.error, 0.003);
  }
}

TEST(Slot, WaitsOfATableAreItsValuesEvenly) {
  SlotSettings slot = drawn(20ms, 5ms, Distribution::table);
  slot.table = {-16384, 0, 8192, 12288};
  const std::vector<Duration> expected = {10ms, 20ms, 25ms, 27'500us};
  std::vector<double> counts(4);
  for (const Duration wait : waits(slot, 100'000)) {
    const auto found = std::find(expected.begin(), expected.end(), wait);
    ASSERT_NE(found, expected.end()) << wait.count();
    ++counts[static_cast<std::size_t>(found - expected.begin())];
  }
  EXPECT_LT(statistics::chi_square(counts, std::vector<double>(4, 25'000)), statistics::chi_square_bound(3));
}

TEST(Slot, WaitsAreNeverNegative) {
  int at_once = 0;
  const std::vector<Duration> all = waits(drawn(5ms, 10ms, Distribution::normal), 100'000);
  for (const Duration wait : all) {
    ASSERT_GE(wait, 0ns);
    at_once += wait == 0ns;
  }
  const double share = statistics::normal_cdf(-0.5);
  EXPECT_NEAR(at_once, share * 1e5, statistics::binomial_slack(1e5, share));
}

TEST(Slot, WithoutJitterAMeanIsExactAndItsLimitsHold) {
  SlotSettings slot = drawn(5ms, 0ms, Distribution::normal);
  slot.packets = 3;
  Lane lane(with_slots(slot));
  for (int i = 0; i < 30; ++i) ASSERT_EQ(lane.release(kStart), kStart + (i / 3 + 1) * 5ms);
}

TEST(Slot, TheNthIsTheSameInEveryRunWhateverPassesThroughIt) {
  const auto openings = [](std::uint32_t packets_each) {
    Lane lane(with_slots({1ms, 9ms, 1}));
    std::vector<TimePoint> all;
    for (std::uint32_t i = 0; i < 100; ++i) {
      all.push_back(lane.release(kStart + i * 1us, 40 * packets_each));
    }
    return all;
  };
  EXPECT_EQ(openings(1), openings(30));
}

TEST(Slot, AChangeLetsNobodyOvertake) {
  Lane lane(with_slots({50ms, 50ms}));
  const TimePoint first = lane.release(kStart);
  lane.set(with_slots({1ms, 1ms}), kStart + 1ms);
  EXPECT_EQ(lane.release(kStart + 1ms), first);
  lane.set({}, kStart + 2ms);
  EXPECT_EQ(lane.release(kStart + 2ms), first);
  EXPECT_EQ(lane.release(kStart + 51ms), kStart + 51ms);
}

}  // namespace
