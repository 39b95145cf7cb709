// How long packets take at the bottleneck, exact to the nanosecond: rates with burst, overhead and cells; traces.
#include "emulator/impairments/transmitter.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/emulator/bench.h"
#include "tests/emulator/start.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;
__extension__ using Wide = __int128;

Transmitter at(const RateSettings& rate, const TraceSettings& trace = {}) {
  Transmitter t;
  t.configure(rate, trace, kStart);
  return t;
}

TraceSettings trace_of(std::vector<std::uint32_t> ms) {
  return {std::make_shared<const std::vector<std::uint32_t>>(std::move(ms)), ""};
}

TEST(Transmitter, OverheadIsSentWithEachPacket) {
  RateSettings rate = 8'000'000;  // a byte a microsecond
  rate.overhead = 38;
  Transmitter t = at(rate);
  EXPECT_EQ(t.transmit(1000, kStart), kStart + 1038us);
  EXPECT_EQ(t.transmit(40, kStart), kStart + 1116us);
  rate.overhead = -14;
  t.configure(rate, {}, kStart);
  EXPECT_EQ(t.transmit(1014, kStart), kStart + 2116us);
  EXPECT_EQ(t.transmit(10, kStart), kStart + 2116us) << "never less than nothing";
}

TEST(Transmitter, CellsAreSentWhole) {
  RateSettings rate = 8'000'000;
  rate.cell_size = 48;
  rate.cell_overhead = 5;
  EXPECT_EQ(at(rate).transmit(48, kStart), kStart + 53us);
  EXPECT_EQ(at(rate).transmit(49, kStart), kStart + 106us);
  EXPECT_EQ(at(rate).transmit(1500, kStart), kStart + 32 * 53us);
  rate.overhead = 40;  // of LLC/SNAP and AAL5 and the like
  EXPECT_EQ(at(rate).transmit(1500, kStart), kStart + 33 * 53us);
}

TEST(Transmitter, AnIdleLinkSavesUpABurst) {
  RateSettings rate = 8'000'000;
  rate.burst = 3000;
  Transmitter t = at(rate);
  EXPECT_EQ(t.transmit(1000, kStart), kStart) << "the bucket is full";
  EXPECT_EQ(t.transmit(1500, kStart), kStart);
  EXPECT_EQ(t.transmit(1000, kStart), kStart + 500us) << "500 bytes were left";
  EXPECT_EQ(t.transmit(1000, kStart), kStart + 1500us);
  EXPECT_EQ(t.transmit(500, kStart + 2700us), kStart + 2700us) << "1,200 were saved";
  EXPECT_EQ(t.transmit(1000, kStart + 2700us), kStart + 3000us);
  EXPECT_EQ(t.transmit(3000, kStart + 1h), kStart + 1h) << "never more than the burst";
  EXPECT_EQ(t.transmit(1, kStart + 1h), kStart + 1h + 1us);
  EXPECT_EQ(t.transmit(4000, kStart + 2h), kStart + 2h + 1ms) << "larger than the bucket";
}

/// Fractions of 1/rate ns are kept whole: against a token bucket in 128-bit units of 1/rate ns.
TEST(Transmitter, ABurstDoesNotDrift) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    RateSettings rate = 1'000'000 + random() % 100'000'000;
    rate.burst = random() % 100'000;
    Transmitter t = at(rate);
    const Wide unit = static_cast<Wide>(rate.bits_per_second);
    const Wide bucket = static_cast<Wide>(rate.burst) * 8'000'000'000;
    Wide paid = -(Wide{1} << 100);
    TimePoint now = kStart;
    for (int i = 0; i < 20'000; ++i) {
      now += Duration(random() % 200'000);
      const auto length = static_cast<std::uint32_t>(40 + random() % 1461);
      const Wide arrival = static_cast<Wide>(now.time_since_epoch().count()) * unit;
      paid = std::max(paid, arrival - bucket) + Wide{length} * 8'000'000'000;
      const Wide departure = std::max(arrival, paid);
      ASSERT_EQ(t.transmit(length, now).time_since_epoch().count(),
                static_cast<std::int64_t>((departure + unit - 1) / unit));
    }
  }
}

TEST(Trace, PacketsLeaveOpportunityByOpportunity) {
  Transmitter t = at({}, trace_of({0, 4, 4, 12}));
  EXPECT_EQ(t.transmit(1500, kStart), kStart + 4ms) << "the one at 0 was missed: it comes at the moment of the arrival";
  EXPECT_EQ(t.transmit(1500, kStart), kStart + 4ms) << "two in one millisecond";
  EXPECT_EQ(t.transmit(1500, kStart), kStart + 12ms);
  EXPECT_EQ(t.transmit(1500, kStart), kStart + 12ms) << "0 of the next round";
  EXPECT_EQ(t.transmit(1500, kStart), kStart + 16ms);
  EXPECT_EQ(t.transmit(1500, kStart), kStart + 16ms);
  EXPECT_EQ(t.transmit(1500, kStart), kStart + 24ms);
}

TEST(Trace, SeveralPacketsShareAnOpportunityAndALargeOneTakesSeveral) {
  Transmitter t = at({}, trace_of({5, 10}));
  EXPECT_EQ(t.transmit(500, kStart), kStart + 5ms);
  EXPECT_EQ(t.transmit(900, kStart), kStart + 5ms);
  EXPECT_EQ(t.transmit(200, kStart), kStart + 10ms) << "100 bytes of it left at 5 ms";
  EXPECT_EQ(t.transmit(1400, kStart), kStart + 10ms);
  EXPECT_EQ(t.transmit(4500, kStart), kStart + 25ms);
  EXPECT_EQ(t.transmit(4501, kStart), kStart + 45ms);
  EXPECT_EQ(t.transmit(1499, kStart), kStart + 45ms);
}

TEST(Trace, AnOpportunityWithNobodyWaitingIsLost) {
  Transmitter t = at({}, trace_of({5, 10}));
  EXPECT_EQ(t.transmit(100, kStart), kStart + 5ms);
  EXPECT_EQ(t.transmit(100, kStart + 5ms), kStart + 10ms) << "the rest of 5 ms is over";
  EXPECT_EQ(t.transmit(1500, kStart + 33ms), kStart + 35ms);
  EXPECT_EQ(t.transmit(1500, kStart + 1h + 1ns), kStart + 1h + 5ms);
  EXPECT_EQ(t.next_start(kStart + 1h + 1ns), kStart + 1h + 10ms);
}

/// mahimahi's own account of it, opportunity after opportunity, with a queue.
TEST(Trace, AsMahimahiDoesIt) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 30; ++round) {
    std::vector<std::uint32_t> ms;
    std::uint32_t last = 0;
    for (int i = 0; i < 50; ++i) ms.push_back(last += static_cast<std::uint32_t>(random() % 7));
    if (ms.back() == 0) ms.back() = 1;
    Transmitter t = at({}, trace_of(ms));
    std::size_t next = 0;
    TimePoint base = kStart, current;
    std::uint32_t left = 0;
    TimePoint arrival = kStart;
    TimePoint previous = kStart;
    for (int i = 0; i < 2000; ++i) {
      arrival += Duration(random() % 8'000'000);
      const auto length = static_cast<std::uint32_t>(1 + random() % 4000);
      if (arrival >= previous) left = 0;  // the queue was empty when the last opportunity ended
      std::uint32_t to_send = length;
      while (to_send > 0) {
        if (left == 0) {
          current = base + std::chrono::milliseconds(ms[next]);
          if (++next == ms.size()) {
            next = 0;
            base += std::chrono::milliseconds(ms.back());
          }
          if (current <= arrival) continue;  // it came before the packet, and found nobody
          left = DeliveryTrace::kOpportunity;
        }
        const std::uint32_t sent = std::min(left, to_send);
        left -= sent;
        to_send -= sent;
      }
      previous = current;
      ASSERT_EQ(t.transmit(length, arrival), current) << round << " " << i;
    }
  }
}

TEST(Trace, GivesWayToARateAndBack) {
  Transmitter t = at({}, trace_of({10}));
  EXPECT_EQ(t.transmit(1500, kStart), kStart + 10ms);
  t.configure(8'000'000, {}, kStart);
  EXPECT_EQ(t.transmit(1000, kStart), kStart + 11ms) << "behind what was sent before";
  t.configure({}, trace_of({10}), kStart + 5ms);
  EXPECT_EQ(t.transmit(1500, kStart + 5ms), kStart + 15ms) << "a trace starts when it is set";
}

TEST(Trace, KeepsItsPlaceWhenSomethingElseChanges) {
  Bench bench(1);
  LinkConditions c;
  c.up.trace = trace_of({10, 30});
  c.up.queue.limit_packets = 100;
  bench.link.apply(c, TimePoint(2s));
  for (int i = 0; i < 2; ++i) bench.admit(datagram(1472), Side::near, TimePoint(2s));
  bench.run_until(TimePoint(2s + 15ms));
  c.up.trace = trace_of({10, 30});
  c.up.queue.discipline = Discipline::codel;
  bench.link.apply(c, TimePoint(2s + 15ms));
  for (int i = 0; i < 2; ++i) bench.admit(datagram(1472), Side::near, TimePoint(2s + 15ms));
  bench.run_until(TimePoint(3s));
  std::vector<TimePoint> at;
  for (const Left& left : bench.left) at.push_back(left.at);
  EXPECT_EQ(at, (std::vector<TimePoint>{TimePoint(2s + 10ms), TimePoint(2s + 30ms), TimePoint(2s + 40ms),
                                        TimePoint(2s + 60ms)}));
}

}  // namespace
}  // namespace wobble
