// The queue whose packets wait, in virtual time: the same departures as the computed one, and what becomes of those
// that wait when conditions change.
#include "emulator/impairments/bottleneck.h"

#include "tests/emulator/bench.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;

/// 1,250 bytes: a millisecond at 10 Mbit/s.
constexpr std::size_t kMillisecond = 1250 - 28;

LinkConditions ten_megabits(Discipline discipline) {
  LinkConditions c;
  c.up.rate = 10'000'000;
  c.up.queue.discipline = discipline;
  return c;
}

std::uint64_t drops(Bench& bench, DropReason reason) {
  return bench.link.stats(bench.now_).up.total.dropped[static_cast<std::size_t>(reason)];
}

std::vector<TimePoint> departures(const Bench& bench) {
  std::vector<TimePoint> out;
  for (const Left& left : bench.left) out.push_back(left.at);
  return out;
}

TEST(HeldQueue, GivesTheDeparturesThatAreComputedForDropTail) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 50; ++round) {
    Bench held(round), computed(round);
    TimePoint now = kBegin;
    LinkConditions c;
    const auto change = [&] {
      c.up.rate = 1'000'000 + random() % 50'000'000;
      c.up.rate.burst = random() % 2 ? random() % 20'000 : 0;
      c.up.delay = {Duration(random() % 20'000'000), Duration(random() % 9'000'000), Distribution::uniform, false};
      c.up.queue.limit_packets = 100'000;
      c.up.loss.model = RandomLoss{Probability::percent(random() % 2 ? 5 : 0)};
      c.up.loss.after_rate = random() % 2;
      c.up.duplicate.probability = Probability::percent(random() % 2 ? 5 : 0);
      c.up.queue.discipline = Discipline::droptail;
      computed.link.apply(c, now);
      c.up.queue.discipline = Discipline::drophead;
      held.link.apply(c, now);
    };
    change();
    for (int i = 0; i < 300; ++i) {
      now += Duration(random() % 1'000'000);
      const auto packet = super_packets::make(random, random() % 2, random() % 3 == 0, random() % 5000, 1000);
      held.admit(packet, Side::near, now);
      computed.admit(packet, Side::near, now);
      if (random() % 3 == 0) {  // one is watched closely, the other not
        held.release(now);
      } else if (random() % 2 == 0) {
        computed.release(now);
      }
    }
    held.run_until(now + 100s);
    computed.run_until(now + 100s);
    ASSERT_EQ(held.left.size(), computed.left.size());
    ASSERT_TRUE(held.left == computed.left) << "round " << round;
  }
}

TEST(HeldQueue, HeadDropLosesTheOldestAndNeverWhatIsBeingSent) {
  for (const Discipline discipline : {Discipline::droptail, Discipline::drophead}) {
    Bench bench(1);
    LinkConditions c = ten_megabits(discipline);
    c.up.queue.limit_packets = 3;
    bench.link.apply(c, kBegin);
    for (std::size_t i = 0; i < 5; ++i) bench.admit(datagram(kMillisecond - i), Side::near, kBegin);
    bench.run_until(kBegin + 10ms);
    ASSERT_EQ(bench.left.size(), 3u);
    const std::array<std::size_t, 3> expected =
        discipline == Discipline::droptail ? std::array<std::size_t, 3>{0, 1, 2} : std::array<std::size_t, 3>{0, 3, 4};
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(bench.left[i].bytes.size(), 1250 - expected[i]);
    EXPECT_EQ(drops(bench, DropReason::queue), 2u);
    bench.expect_balance();
  }
}

TEST(HeldQueue, AConnectionKnowsOfItsDrops) {
  Bench bench(1);
  LinkConditions c = ten_megabits(Discipline::drophead);
  c.up.queue.limit_packets = 3;
  bench.link.apply(c, kBegin);
  for (int i = 0; i < 5; ++i) bench.admit(datagram(kMillisecond), Side::near, kBegin);
  bench.run_until(kBegin + 10ms);
  const auto figures = bench.link.connections().figures(1);
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->client.packets_sent, 5u);
  EXPECT_EQ(figures->client.dropped, 2u);
  EXPECT_EQ(figures->client.packets_delivered, 3u);
}

TEST(HeldQueue, ALimitInTimeOrBytesMakesRoomAtTheHead) {
  Bench bench(1);
  LinkConditions c = ten_megabits(Discipline::drophead);
  c.up.queue.limit_time = 2ms;
  bench.link.apply(c, kBegin);
  for (int i = 0; i < 5; ++i) bench.admit(datagram(kMillisecond), Side::near, kBegin);
  bench.run_until(kBegin + 3ms);
  EXPECT_EQ(departures(bench), (std::vector<TimePoint>{kBegin + 1ms, kBegin + 2ms, kBegin + 3ms}));
  c.up.queue.limit_time = 0ns;
  c.up.queue.limit_bytes = 1300;
  bench.link.apply(c, kBegin + 3ms);
  bench.admit(datagram(kMillisecond), Side::near, kBegin + 3ms);
  bench.admit(datagram(100), Side::near, kBegin + 3ms);
  EXPECT_EQ(drops(bench, DropReason::queue), 3u) << "the one in transmission does not make room";
  bench.expect_balance();
}

TEST(HeldQueue, WhatWaitsKeepsGoingAtTheNewRate) {
  Bench bench(1);
  bench.link.apply(ten_megabits(Discipline::drophead), kBegin);
  for (int i = 0; i < 4; ++i) bench.admit(datagram(kMillisecond), Side::near, kBegin);
  LinkConditions fast = ten_megabits(Discipline::drophead);
  fast.up.rate = 100'000'000;
  bench.release(kBegin + 1500us);
  bench.link.apply(fast, kBegin + 1500us);
  bench.run_until(kBegin + 1s);
  EXPECT_EQ(departures(bench), (std::vector<TimePoint>{kBegin + 1ms, kBegin + 2ms, kBegin + 2100us, kBegin + 2200us}));
}

TEST(HeldQueue, BackToDropTailAllThatWaitsIsOnItsWay) {
  Bench bench(1);
  bench.link.apply(ten_megabits(Discipline::drophead), kBegin);
  for (int i = 0; i < 4; ++i) bench.admit(datagram(kMillisecond), Side::near, kBegin);
  bench.link.apply(ten_megabits(Discipline::droptail), kBegin + 500us);
  bench.admit(datagram(kMillisecond), Side::near, kBegin + 500us);
  bench.link.apply(ten_megabits(Discipline::drophead), kBegin + 600us);
  bench.admit(datagram(kMillisecond), Side::near, kBegin + 600us);
  bench.run_until(kBegin + 1s);
  std::vector<TimePoint> expected;
  for (int i = 1; i <= 6; ++i) expected.push_back(kBegin + i * 1ms);
  EXPECT_EQ(departures(bench), expected);
  EXPECT_EQ(Bench::dropped(bench.link.stats(bench.now_).up), 0u);
}

TEST(HeldQueue, WithoutARateAllLeavesAtOnceInOrder) {
  Bench bench(1);
  bench.link.apply(ten_megabits(Discipline::drophead), kBegin);
  for (std::size_t i = 0; i < 4; ++i) bench.admit(datagram(kMillisecond - i), Side::near, kBegin);
  bench.link.apply({}, kBegin + 500us);
  bench.run_until(kBegin + 1s);
  EXPECT_EQ(departures(bench), (std::vector<TimePoint>(4, kBegin + 1ms))) << "behind the one that was being sent";
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(bench.left[i].bytes.size(), 1250 - i);
}

TEST(HeldQueue, ResetLetsWhatWaitsGoAtOnce) {
  Bench bench(1);
  bench.link.apply(ten_megabits(Discipline::drophead), kBegin);
  for (std::size_t i = 0; i < 4; ++i) bench.admit(datagram(kMillisecond - i), Side::near, kBegin);
  bench.link.reset(kBegin + 500us);
  bench.release(kBegin + 500us);
  ASSERT_EQ(bench.left.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(bench.left[i].bytes.size(), 1250 - i);
  EXPECT_EQ(bench.link.stats(bench.now_).up.packets_in_flight, 0u);
}

TEST(HeldQueue, AnOutageThatDropsInFlightEmptiesIt) {
  Bench bench(1);
  LinkConditions c = ten_megabits(Discipline::drophead);
  bench.link.apply(c, kBegin);
  for (int i = 0; i < 4; ++i) bench.admit(datagram(kMillisecond), Side::near, kBegin);
  c.up.outage = {true, {}, {}, true};
  bench.link.apply(c, kBegin + 500us);
  EXPECT_EQ(drops(bench, DropReason::outage), 4u);
  bench.expect_balance();
  c.up.outage = {};
  bench.link.apply(c, kBegin + 600us);
  bench.admit(datagram(kMillisecond), Side::near, kBegin + 600us);
  bench.run_until(kBegin + 1s);
  EXPECT_EQ(departures(bench), (std::vector<TimePoint>{kBegin + 1600us})) << "the transmitter is free again";
}

TEST(HeldQueue, DelayBeginsWhereTheBottleneckEnds) {
  Bench bench(1);
  LinkConditions c = ten_megabits(Discipline::drophead);
  c.up.delay.time = 20ms;
  bench.link.apply(c, kBegin);
  bench.admit(datagram(kMillisecond), Side::near, kBegin);
  bench.admit(datagram(kMillisecond), Side::near, kBegin);
  bench.run_until(kBegin + 1s);
  EXPECT_EQ(departures(bench), (std::vector<TimePoint>{kBegin + 21ms, kBegin + 22ms}));
}

TEST(LossAfterRate, TakesItsCapacity) {
  for (const Discipline discipline : {Discipline::droptail, Discipline::drophead}) {
    for (const bool after_rate : {false, true}) {
      Bench bench(1);
      LinkConditions c = ten_megabits(discipline);
      c.up.loss.model = PatternLoss{"x."};
      c.up.loss.after_rate = after_rate;
      bench.link.apply(c, kBegin);
      for (int i = 0; i < 6; ++i) bench.admit(datagram(kMillisecond), Side::near, kBegin);
      bench.run_until(kBegin + 1s);
      EXPECT_EQ(departures(bench), after_rate ? (std::vector<TimePoint>{kBegin + 2ms, kBegin + 4ms, kBegin + 6ms})
                                              : (std::vector<TimePoint>{kBegin + 1ms, kBegin + 2ms, kBegin + 3ms}));
      EXPECT_EQ(drops(bench, DropReason::loss), 3u);
      bench.expect_balance();
    }
  }
}

TEST(LossAfterRate, OfADuplicateIsItsOwn) {
  for (const Discipline discipline : {Discipline::droptail, Discipline::drophead}) {
    Bench bench(1);
    LinkConditions c = ten_megabits(discipline);
    c.up.duplicate.probability = Probability::percent(100);
    c.up.loss.model = RandomLoss{Probability::percent(50)};
    c.up.loss.after_rate = true;
    bench.link.apply(c, kBegin);
    int both = 0;
    for (int i = 0; i < 400; ++i) {
      const TimePoint now = kBegin + i * 10ms;
      bench.admit(datagram(kMillisecond), Side::near, now);
      const std::size_t before = bench.left.size();
      bench.run_until(now + 9ms);
      both += bench.left.size() - before == 2 ? 1 : 0;
    }
    EXPECT_NEAR(both, 100, 45) << "a quarter of 400";
    EXPECT_NEAR(static_cast<double>(bench.left.size()), 400, 75);
  }
}

TEST(HeldQueue, ExhaustedMemoryGivesItsRoomBack) {
  Bench bench(1, 16 * 1024);
  LinkConditions c = ten_megabits(Discipline::drophead);
  c.up.queue.limit_packets = 20;
  c.up.duplicate.probability = Probability::percent(100);
  bench.link.apply(c, kBegin);
  for (int i = 0; i < 50; ++i) bench.admit(datagram(kMillisecond), Side::near, kBegin);
  EXPECT_GT(drops(bench, DropReason::memory), 30u);
  bench.run_until(kBegin + 1s);
  bench.expect_balance();
  bench.link.apply(ten_megabits(Discipline::drophead), kBegin + 1s);
  bench.left.clear();
  bench.admit(datagram(kMillisecond), Side::near, kBegin + 1s);
  bench.run_until(kBegin + 2s);
  EXPECT_EQ(departures(bench), (std::vector<TimePoint>{kBegin + 1s + 1ms}));
}

}  // namespace
}  // namespace wobble
