// What is exact about one direction, in virtual time.

#include "emulator/link/pipeline.h"

#include <gtest/gtest.h>

#include "emulator/chance/random.h"
#include "tests/emulator/lane.h"

namespace {

using namespace wobble;
using namespace std::chrono_literals;

TEST(Pipeline, WithoutConditionsNothingHappens) {
  Lane lane;
  const Verdict v = lane.admit(kStart);
  EXPECT_EQ(v.fate.release_at[0], kStart);
  EXPECT_EQ(v.fate.copies, 1);
  EXPECT_FALSE(v.fate.is_dropped() || v.fate.corrupted || v.fate.reordered || v.to_corrupt);
  EXPECT_EQ(v.hold_packets, 0u);
  EXPECT_EQ(lane.pipeline.next_change(), kNever);
}

TEST(Delay, IsExact) {
  DirectionConditions c;
  c.delay.time = 80ms + 1ns;
  Lane lane(c);
  for (int i = 0; i < 1000; ++i) {
    const TimePoint now = kStart + Duration(i * 777);
    ASSERT_EQ(lane.release(now), now + 80'000'001ns);
  }
}

TEST(Delay, AShorterOneKeepsTheOrder) {
  DirectionConditions c;
  c.delay.time = 100ms;
  Lane lane(c);
  const TimePoint first = lane.release(kStart);
  c.delay.time = 10ms;
  lane.set(c, kStart + 1ms);
  EXPECT_EQ(lane.release(kStart + 1ms), first);
  EXPECT_EQ(lane.release(kStart + 89ms), first);
  EXPECT_EQ(lane.release(kStart + 91ms), kStart + 101ms);
  lane.set({}, kStart + 92ms);
  EXPECT_EQ(lane.release(kStart + 92ms), kStart + 101ms) << "also without any";
}

TEST(Delay, WithReorderAPacketMayOvertake) {
  DirectionConditions c;
  c.delay.time = 100ms;
  Lane lane(c);
  const TimePoint first = lane.release(kStart);
  c.delay = {10ms, 0ns, Distribution::uniform, true};
  lane.set(c, kStart + 1ms);
  EXPECT_EQ(lane.release(kStart + 1ms), kStart + 11ms);
  c.delay.reorder = false;
  lane.set(c, kStart + 2ms);
  EXPECT_EQ(lane.release(kStart + 2ms), first) << "and not once that is over";
}

TEST(Delay, ForgettingTheBacklogForgetsTheOrder) {
  DirectionConditions c;
  c.delay.time = 100ms;
  c.rate = 8'000;
  Lane lane(c);
  lane.release(kStart);
  lane.set({}, kStart);
  lane.pipeline.forget_backlog();
  EXPECT_EQ(lane.release(kStart), kStart);
  lane.set(c, kStart);
  EXPECT_EQ(lane.release(kStart), kStart + 1250ms + 100ms) << "the bottleneck is idle again";
}

TEST(Delay, JitterBelowZeroIsNone) {
  DirectionConditions c;
  c.delay = {1ms, 10ms, Distribution::normal, true};
  Lane lane(c);
  int at_once = 0;
  for (int i = 0; i < 1000; ++i) {
    const TimePoint release = lane.release(kStart);
    ASSERT_GE(release, kStart);
    at_once += release == kStart;
  }
  EXPECT_GT(at_once, 400);
}

TEST(Rate, PacketsLeaveOneTransmissionApart) {
  DirectionConditions c;
  c.rate = 10'000'000;
  c.queue.limit_packets = 1000;
  Lane lane(c);
  for (int i = 1; i <= 1000; ++i) ASSERT_EQ(lane.release(kStart), kStart + i * 1ms);
}

TEST(Rate, ThatDoesNotDivideDoesNotDrift) {
  for (const std::uint64_t rate : {3'000'000ULL, 7'777'777ULL, 999'999'999'999ULL}) {
    DirectionConditions c;
    c.rate = rate;
    c.queue.limit_packets = 4'000'000'000U;
    Lane lane(c);
    __extension__ typedef unsigned __int128 Wide;
    for (std::uint64_t i = 1; i <= 1'000'000; ++i) {
      const Wide exact = Wide{i} * 1250 * 8 * 1'000'000'000;
      const auto rounded_up = static_cast<std::int64_t>((exact + rate - 1) / rate);
      ASSERT_EQ(lane.release(kStart), kStart + Duration(rounded_up)) << i << " at " << rate;
    }
  }
}

TEST(Rate, AnIdleLinkStartsAnew) {
  DirectionConditions c;
  c.rate = 3'000'000;
  Lane lane(c);
  EXPECT_EQ(lane.release(kStart, 1250), kStart + 3'333'334ns);
  EXPECT_EQ(lane.release(kStart + 1s, 1250), kStart + 1s + 3'333'334ns);
  EXPECT_EQ(lane.release(kStart + 1s, 1250), kStart + 1s + 6'666'667ns);
}

TEST(Rate, AChangeWaitsForWhatIsBeingSent) {
  DirectionConditions c;
  c.rate = 10'000'000;
  Lane lane(c);
  lane.release(kStart);
  EXPECT_EQ(lane.release(kStart), kStart + 2ms);
  c.rate = 100'000'000;
  lane.set(c, kStart + 500us);
  EXPECT_EQ(lane.release(kStart + 500us), kStart + 2100us);
}

TEST(Rate, AChangeRoundsUpWhatIsBeingSent) {
  DirectionConditions c;
  c.rate = 3'000'000;
  Lane lane(c);
  EXPECT_EQ(lane.release(kStart), kStart + 3'333'334ns);
  c.rate = 500'000;  // a third of a nanosecond at the old rate would be two whole ones at the new
  lane.set(c, kStart);
  EXPECT_EQ(lane.release(kStart), kStart + 23'333'334ns);
}

TEST(Rate, ALostPacketTakesNoCapacity) {
  DirectionConditions c;
  c.rate = 10'000'000;
  c.queue.limit_packets = 1000;
  c.loss.model = RandomLoss{Probability::percent(50)};
  Lane lane(c);
  int kept = 0;
  for (int i = 0; i < 1000; ++i) {
    const Fate fate = lane.admit(kStart).fate;
    if (fate.is_dropped()) continue;
    ASSERT_EQ(fate.release_at[0], kStart + ++kept * 1ms);
  }
  EXPECT_NEAR(kept, 500, 80);
}

TEST(Rate, ADuplicateDoes) {
  DirectionConditions c;
  c.rate = 10'000'000;
  c.duplicate.probability = Probability::percent(100);
  Lane lane(c);
  const Fate fate = lane.admit(kStart).fate;
  ASSERT_EQ(fate.copies, 2);
  EXPECT_EQ(fate.release_at[0], kStart + 1ms);
  EXPECT_EQ(fate.release_at[1], kStart + 2ms);
}

TEST(Queue, LimitInPacketsCountsTheOneInTransmission) {
  DirectionConditions c;
  c.rate = 10'000'000;
  c.queue.limit_packets = 3;
  Lane lane(c);
  for (int i = 0; i < 3; ++i) lane.release(kStart);
  EXPECT_EQ(lane.admit(kStart).fate.dropped, DropReason::queue);
  EXPECT_EQ(lane.admit(kStart + 1ms - 1ns).fate.dropped, DropReason::queue);
  EXPECT_EQ(lane.release(kStart + 1ms), kStart + 4ms);
  EXPECT_EQ(lane.admit(kStart + 1ms).fate.dropped, DropReason::queue);
}

TEST(Queue, LimitInBytes) {
  DirectionConditions c;
  c.rate = 10'000'000;
  c.queue.limit_bytes = 2600;
  Lane lane(c);
  lane.release(kStart);
  lane.release(kStart);
  EXPECT_EQ(lane.admit(kStart, 101).fate.dropped, DropReason::queue);
  lane.release(kStart, 100);
  EXPECT_EQ(lane.admit(kStart, 1).fate.dropped, DropReason::queue);
  lane.release(kStart + 1ms, 1250);
}

TEST(Queue, LimitInTime) {
  DirectionConditions c;
  c.rate = 10'000'000;
  c.queue.limit_time = 10ms;
  Lane lane(c);
  for (int i = 0; i < 11; ++i) lane.release(kStart);  // the last waits exactly 10 ms
  EXPECT_EQ(lane.admit(kStart).fate.dropped, DropReason::queue);
  EXPECT_EQ(lane.admit(kStart + 1ms - 1ns).fate.dropped, DropReason::queue);
  EXPECT_EQ(lane.release(kStart + 1ms), kStart + 12ms);
}

TEST(Queue, DefaultIsASecondOrAMebibyte) {
  const auto room_at = [](std::uint64_t rate) {
    DirectionConditions c;
    c.rate = rate;
    Lane lane(c);
    std::uint64_t bytes = 0;
    while (!lane.admit(kStart, 1024).fate.is_dropped()) bytes += 1024;
    return bytes;
  };
  EXPECT_EQ(room_at(1'000'000), 1u << 20);
  EXPECT_EQ(room_at(8 * 1024 * 5000), 5000u * 1024);
}

TEST(Queue, ACopysDropIsItsOwn) {
  DirectionConditions c;
  c.rate = 10'000'000;
  c.queue.limit_packets = 1;
  c.duplicate.probability = Probability::percent(100);
  Lane lane(c);
  Fate fate = lane.admit(kStart).fate;
  EXPECT_EQ(fate.copies, 2);
  EXPECT_FALSE(fate.is_dropped());
  EXPECT_EQ(fate.lost[0], DropReason::none);
  EXPECT_EQ(fate.lost[1], DropReason::queue);
  fate = lane.admit(kStart).fate;
  EXPECT_EQ(fate.dropped, DropReason::queue);
  EXPECT_EQ(fate.lost[0], DropReason::queue);
  EXPECT_EQ(fate.lost[1], DropReason::queue);
}

TEST(Queue, SlowestRateAndLongestQueueDoNotOverflow) {
  DirectionConditions c;
  c.rate = kMinRate;
  c.queue.limit_packets = 4'000'000'000U;
  c.delay.time = kMaxDelay;
  Lane lane(c);
  TimePoint last = kStart;
  bool is_full = false;
  for (int i = 0; i < 10'000 && !is_full; ++i) {
    const Fate fate = lane.admit(kStart, 65'535).fate;
    is_full = fate.is_dropped();
    if (is_full) break;
    ASSERT_GT(fate.release_at[0], last);
    last = fate.release_at[0];
  }
  EXPECT_TRUE(is_full);
}

TEST(Reorder, ByTimeHoldsNobodyElse) {
  DirectionConditions c;
  c.delay.time = 20ms;
  c.reorder = {Probability::percent(100), 0, 10ms};
  Lane lane(c);
  const Verdict moved = lane.admit(kStart);
  EXPECT_TRUE(moved.fate.reordered);
  EXPECT_EQ(moved.fate.release_at[0], kStart + 30ms);
  EXPECT_EQ(moved.hold_packets, 0u);
  c.reorder.probability = {0};
  lane.set(c, kStart + 1ms);
  const Verdict next = lane.admit(kStart + 1ms);
  EXPECT_FALSE(next.fate.reordered);
  EXPECT_EQ(next.fate.release_at[0], kStart + 21ms);
}

TEST(Reorder, ByPacketsAsksForAHold) {
  DirectionConditions c;
  c.delay.time = 20ms;
  c.reorder = {Probability::percent(100), 3, {}};
  Lane lane(c);
  const Verdict moved = lane.admit(kStart);
  EXPECT_TRUE(moved.fate.reordered);
  EXPECT_EQ(moved.fate.release_at[0], kStart + 20ms);
  EXPECT_EQ(moved.hold_packets, 3u);
}

TEST(Reorder, AMovedPacketStillStaysBehindEarlierOnes) {
  DirectionConditions c;
  c.delay.time = 100ms;
  Lane lane(c);
  lane.release(kStart);
  c.delay.time = 0ms;
  c.reorder = {Probability::percent(100), 0, 10ms};
  lane.set(c, kStart + 1ms);
  EXPECT_EQ(lane.release(kStart + 1ms), kStart + 110ms);
}

TEST(Reorder, TheCopyOfAMovedPacketIsNotMoved) {
  DirectionConditions c;
  c.duplicate.probability = Probability::percent(100);
  c.reorder = {Probability::percent(100), 0, 10ms};
  Lane lane(c);
  const Fate fate = lane.admit(kStart).fate;
  EXPECT_EQ(fate.release_at[0], kStart + 10ms);
  EXPECT_EQ(fate.release_at[1], kStart);
}

/// Conditions at random, without anything that asks for reordering.
DirectionConditions orderly_conditions(const RandomStream& numbers, std::uint64_t& k) {
  const auto pick = [&](std::uint64_t n) { return numbers.at(k++) % n; };
  DirectionConditions c;
  if (pick(2)) c.delay.time = Duration(pick(50'000'000));
  if (pick(2)) c.delay.jitter = Duration(pick(20'000'000));
  c.delay.distribution = static_cast<Distribution>(pick(4));
  if (pick(3) == 0) c.delay.correlation = Probability::percent(static_cast<double>(pick(100)));
  if (pick(2)) c.delay.per = c.duplicate.per = Scope::connection;
  if (pick(3) == 0) c.duplicate.correlation = Probability::percent(static_cast<double>(pick(100)));
  if (pick(4) == 0) c.slot = {Duration(pick(3'000'000)), 5ms, static_cast<std::uint32_t>(pick(20)), pick(2) * 30'000};
  if (pick(4) == 0) c.mtu.bytes = static_cast<std::uint32_t>(500 + pick(1000));
  if (pick(3) == 0) c.loss.model = RandomLoss{Probability::percent(static_cast<double>(pick(30)))};
  if (pick(3) == 0) c.duplicate.probability = Probability::percent(static_cast<double>(pick(50)));
  if (pick(2)) c.rate = 100'000 + pick(100'000'000);
  if (pick(2)) c.queue.limit_packets = static_cast<std::uint32_t>(1 + pick(100));
  if (pick(5) == 0) c.outage = {false, Duration(1 + pick(50'000'000)), Duration(1 + pick(50'000'000)), false};
  return c;
}

TEST(Pipeline, OrderIsKeptUnderAnyConditionsAndChanges) {
  const RandomStream numbers(99);
  std::uint64_t k = 0;
  Lane lane;
  TimePoint now = kStart, last = kStart;
  std::uint64_t released = 0;
  for (int round = 0; round < 1000; ++round) {
    lane.set(orderly_conditions(numbers, k), now);
    for (int i = 0; i < 200; ++i) {
      now += Duration(numbers.at(k++) % 1'000'000);
      const std::uint64_t flow = numbers.at(k++) % 5;
      const auto length = static_cast<std::uint32_t>(40 + numbers.at(k++) % 1460);
      const Verdict v = lane.pipeline.admit({{}, flow, lane.next++}, length, now);
      ASSERT_EQ(v.hold_packets, 0u);
      for (std::uint8_t copy = 0; copy < v.fate.copies; ++copy) {
        if (v.fate.lost[copy] != DropReason::none) continue;
        ASSERT_GE(v.fate.release_at[copy], now);
        ASSERT_GE(v.fate.release_at[copy], last);
        last = v.fate.release_at[copy];
        ++released;
      }
    }
  }
  EXPECT_GT(released, 50'000u);
}

}  // namespace
