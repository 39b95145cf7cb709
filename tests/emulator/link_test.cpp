// The link as a whole, in virtual time: what arrives leaves as its fate says, the counters add up, and super-packets
// meet the same fates as the wire packets they stand for.
#include "emulator/link/link.h"

#include <gtest/gtest.h>

#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/any_conditions.h"
#include "tests/emulator/bench.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;
using super_packets::Bytes;
using super_packets::cut;
using super_packets::Super;

TEST(Link, DelayIsExactToTheNanosecond) {
  Bench bench(1);
  LinkConditions conditions;
  conditions.up.delay.time = 80ms + 1ns;
  bench.link.apply(conditions, TimePoint(1s));
  bench.admit(datagram(10), Side::near, TimePoint(2s));
  EXPECT_EQ(bench.link.next_due(), TimePoint(2s + 80ms + 1ns));
  bench.release(TimePoint(2s + 80ms));
  EXPECT_TRUE(bench.left.empty()) << "never early";
  bench.release(TimePoint(2s + 80ms + 1ns));
  ASSERT_EQ(bench.left.size(), 1u);
  EXPECT_EQ(bench.left[0].bytes, datagram(10).bytes);
}

TEST(Link, ResetLetsWhatIsInFlightGoAtOnceAndInOrder) {
  Bench bench(1);
  LinkConditions slow;
  slow.up.delay.time = 10min;
  bench.link.apply(slow, TimePoint(1s));
  bench.admit(datagram(1), Side::near, TimePoint(2s));
  bench.admit(datagram(2), Side::near, TimePoint(3s));
  bench.link.reset(TimePoint(4s));
  bench.admit(datagram(3), Side::near, TimePoint(4s));
  bench.release(TimePoint(4s));
  ASSERT_EQ(bench.left.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(bench.left[i].bytes, datagram(i + 1).bytes);
}

TEST(Link, AShorterDelayLetsNothingOvertake) {
  Bench bench(1);
  LinkConditions slow;
  slow.up.delay.time = 1s;
  bench.link.apply(slow, TimePoint(1s));
  bench.admit(datagram(1), Side::near, TimePoint(2s));
  bench.link.apply({}, TimePoint(2s + 1ms));
  bench.admit(datagram(2), Side::near, TimePoint(2s + 1ms));
  bench.run_until(TimePoint(4s));
  ASSERT_EQ(bench.left.size(), 2u);
  EXPECT_EQ(bench.left[0].bytes, datagram(1).bytes);
  EXPECT_EQ(bench.left[0].at, TimePoint(3s)) << "what is in flight keeps its time";
}

TEST(Link, AnOutageThatDropsInFlightLosesAll) {
  Bench bench(1);
  LinkConditions conditions;
  conditions.up.delay.time = 1s;
  bench.link.apply(conditions, TimePoint(1s));
  bench.admit(datagram(1), Side::near, TimePoint(2s));
  conditions.up.outage = {true, {}, {}, true};
  bench.link.apply(conditions, TimePoint(2s + 1ms));
  bench.run_until(TimePoint(5s));
  EXPECT_TRUE(bench.left.empty());
  EXPECT_EQ(bench.link.stats(TimePoint(5s)).up.total.dropped[static_cast<std::size_t>(DropReason::outage)], 1u);
  bench.expect_balance();
}

TEST(Link, WhatIsNoPacketIsCountedAndDropped) {
  Bench bench(1);
  bench.admit({{}, {}}, Side::near, TimePoint(2s));
  bench.admit({{0x45, 0, 0}, {}}, Side::near, TimePoint(2s));
  bench.admit({{0x95, 0, 0, 0}, {}}, Side::near, TimePoint(2s));
  Super liar = datagram(100);
  liar.offload.kind = Offload::Kind::tcp;
  bench.admit(liar, Side::near, TimePoint(2s));
  EXPECT_EQ(bench.link.stats(TimePoint(2s)).up.total.dropped[static_cast<std::size_t>(DropReason::malformed)], 4u);
  bench.expect_balance();
}

TEST(Link, ExhaustedMemoryIsACountedDrop) {
  Bench bench(1, 16 * 1024);
  LinkConditions slow;
  slow.up.delay.time = 1s;
  bench.link.apply(slow, TimePoint(1s));
  for (int i = 0; i < 100; ++i) bench.admit(datagram(1000), Side::near, TimePoint(2s));
  EXPECT_GT(bench.link.stats(TimePoint(2s)).up.total.dropped[static_cast<std::size_t>(DropReason::memory)], 50u);
  bench.expect_balance();
  bench.run_until(TimePoint(4s));
  bench.expect_balance();
  bench.admit(datagram(1000), Side::near, TimePoint(5s));
  bench.run_until(TimePoint(7s));
  EXPECT_EQ(bench.left.back().at, TimePoint(6s)) << "the memory came back";
}

TEST(Link, CountersAddUpUnderConditionsThatChangeAtRandom) {
  std::mt19937_64 random(7);
  AnyConditions any(7, true);
  Bench bench(7, 1 << 20);
  TimePoint now(1s);
  for (int i = 0; i < 10'000; ++i) {
    now += Duration(random() % 2'000'000);
    if (i % 500 == 0) bench.link.apply(any.link(), now);
    if (i % 3000 == 2999) bench.link.reset(now);
    bench.admit(super_packets::make(random, random() % 2, random() % 2, random() % 6000, 1000),
                random() % 2 ? Side::near : Side::far, now);
    if (i % 3 == 0) bench.release(now);
    if (i % 100 == 0) bench.expect_balance();
  }
  bench.link.apply({}, now);
  bench.run_until(now + 20min);
  bench.expect_balance();
  EXPECT_EQ(bench.link.stats(now).up.packets_in_flight + bench.link.stats(now).down.packets_in_flight, 0u);
}

// The same traffic, once as super-packets and once as the wire packets they stand for.
TEST(Link, SuperPacketsMeetTheFatesOfTheirSegments) {
  std::mt19937_64 random(11);
  AnyConditions any(11, true);
  for (int round = 0; round < 30; ++round) {
    const std::uint64_t seed = random();
    Bench whole(seed);
    Bench apart(seed);
    TimePoint now(1s);
    for (int i = 0; i < 120; ++i) {
      now += Duration(random() % 3'000'000);
      if (i % 40 == 0) {
        const LinkConditions conditions = any.link();
        whole.link.apply(conditions, now);
        apart.link.apply(conditions, now);
      }
      const Side side = random() % 2 ? Side::near : Side::far;
      const Super super =
          super_packets::with_ecn(super_packets::make(random, random() % 2, random() % 3 != 0, 1 + random() % 30'000,
                                                      static_cast<std::uint16_t>(200 + random() % 1300)),
                                  random() % 4);
      whole.admit(super, side, now);
      for (const Bytes& wire : cut(super)) apart.admit({wire, {}}, side, now);
      whole.release(now);
      apart.release(now);
    }
    whole.run_until(now + 10s);
    apart.run_until(now + 10s);
    ASSERT_EQ(whole.left.size(), apart.left.size()) << "round " << round;
    ASSERT_TRUE(whole.left == apart.left) << "round " << round;
    const LinkStats a = whole.link.stats(now), b = apart.link.stats(now);
    EXPECT_EQ(a.up.total.bytes_out, b.up.total.bytes_out);
    EXPECT_EQ(a.down.total.dropped, b.down.total.dropped);
    EXPECT_EQ(a.up.total.corrupted, b.up.total.corrupted);
    EXPECT_EQ(a.up.total.marked, b.up.total.marked);
  }
}

/// A super-packet of TCP over IPv4 between port 40000 on the near side and port 80 on the far one.
Super stream_packet(Side from, std::uint32_t seq, std::uint32_t ack, std::uint16_t flags, std::size_t payload) {
  const bool is_near = from == Side::near;
  const std::uint16_t near_port = 40000, far_port = 80;
  Super super{packets::ipv4(kTcp, packets::tcp(is_near ? near_port : far_port, is_near ? far_port : near_port, seq, ack,
                                               flags, Bytes(payload, 7))),
              {}};
  if (!is_near) std::swap_ranges(super.bytes.begin() + 12, super.bytes.begin() + 16, super.bytes.begin() + 16);
  write_ipv4_header_checksum(super.bytes);
  PacketView view;
  parse_packet(super.bytes, view);
  write_partial_checksum(view, super.bytes);
  const bool is_one = payload <= 1000;
  super.offload = {is_one ? Offload::Kind::none : Offload::Kind::tcp, false, true, 1000, 40, 20, 16};
  if (is_one) super.offload.segment_size = super.offload.header_length = 0;
  return super;
}

LinkConditions conditions_of_kind(std::uint64_t kind) {
  DirectionConditions d;
  if (kind > 0) d.delay.time = 3ms;
  if (kind == 2) d.loss.model = RandomLoss{Probability::percent(3)};
  if (kind == 3) d.delay.jitter = 2ms;
  if (kind == 4) d.duplicate.probability = Probability::percent(3);
  if (kind == 5) d.outage.on = true;
  return {d, d};
}

// The same conversations, with what is sent again, skipped and forged, once as super-packets and once apart: whoever
// looks at the connection sees the same.
TEST(Link, SuperPacketsAreTrackedAsTheirSegments) {
  std::mt19937_64 random(13);
  for (int round = 0; round < 60; ++round) {
    Bench whole(5), apart(5);
    TimePoint now(1s);
    const auto pass = [&](const Super& super, Side side) {
      whole.admit(super, side, now);
      for (const Bytes& wire : cut(super)) apart.admit({wire, {}}, side, now);
      whole.release(now);
      apart.release(now);
    };
    std::uint32_t next[2] = {static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random())};
    pass(stream_packet(Side::near, next[0]++, 0, tcp_flag::kSyn, 0), Side::near);
    pass(stream_packet(Side::far, next[1]++, next[0], tcp_flag::kSyn | tcp_flag::kAck, 0), Side::far);
    for (int i = 0; i < 150; ++i) {
      now += Duration(random() % 2'000'000);
      if (i % 25 == 5) {
        const LinkConditions conditions = conditions_of_kind(random() % 6);
        whole.link.apply(conditions, now);
        apart.link.apply(conditions, now);
      }
      if (random() % 100 == 0) {
        EXPECT_EQ(whole.link.connections().follow(1), apart.link.connections().follow(1));
      }
      const std::size_t from = random() % 4 == 0;
      const std::size_t payload = random() % 3 == 0 ? 0 : random() % 60'000;
      std::uint32_t seq = next[from], ack = next[1 - from];
      if (random() % 12 == 0) seq -= static_cast<std::uint32_t>(random() % 30'000);
      if (random() % 16 == 0) seq += static_cast<std::uint32_t>(random() % 3'000);
      if (random() % 8 == 0) ack -= static_cast<std::uint32_t>(random() % 40'000);
      if (random() % 40 == 0) ack += 1;
      auto flags = static_cast<std::uint16_t>(tcp_flag::kAck | (random() & (tcp_flag::kPsh | tcp_flag::kCwr)));
      if (i > 120 && random() % 20 == 0) flags |= tcp_flag::kFin;
      if (random() % 300 == 0) flags |= random() % 2 ? tcp_flag::kRst : tcp_flag::kSyn;
      const auto end = seq + static_cast<std::uint32_t>(payload) + ((flags & tcp_flag::kFin) != 0);
      if (static_cast<std::int32_t>(end - next[from]) > 0) next[from] = end;
      pass(stream_packet(from == 0 ? Side::near : Side::far, seq, ack, flags, payload),
           from == 0 ? Side::near : Side::far);
      ASSERT_EQ(whole.link.connections().figures(1), apart.link.connections().figures(1)) << round << ", " << i;
    }
    whole.run_until(now + 10s);
    apart.run_until(now + 10s);
    ASSERT_TRUE(whole.left == apart.left) << "round " << round;
    ASSERT_EQ(whole.link.connections().figures(1), apart.link.connections().figures(1)) << round;
    ASSERT_EQ(whole.observer_.told, apart.observer_.told) << round;
  }
}

}  // namespace
}  // namespace wobble
