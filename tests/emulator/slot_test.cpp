// Slots, exact in virtual time.

#include <gtest/gtest.h>

#include <vector>

#include "tests/emulator/lane.h"
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
