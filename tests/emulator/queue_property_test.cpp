// All disciplines, rates and traces, with everything else, changing at random: nothing is lost unseen, nothing
// overtakes unasked, nothing is stuck. And what ECN does to packets.

#include <map>
#include <random>

#include "api/conditions/conditions_check.h"
#include "emulator/packet/packet.h"
#include "emulator/packet/packet_checksum.h"
#include "emulator/packet/packet_ecn.h"
#include "tests/emulator/bench.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;

TraceSettings random_trace(std::mt19937_64& random) {
  std::vector<std::uint32_t> ms;
  std::uint32_t at = 0;
  for (std::uint64_t n = 1 + random() % 40; n > 0; --n) ms.push_back(at += static_cast<std::uint32_t>(random() % 12));
  ms.back() += 1;
  return {std::make_shared<const std::vector<std::uint32_t>>(std::move(ms)), ""};
}

DirectionConditions random_direction(std::mt19937_64& random, bool may_reorder) {
  const auto one_in = [&](std::uint64_t n) { return random() % n == 0; };
  DirectionConditions d;
  d.delay = {Duration(random() % 20'000'000), Duration(one_in(2) ? random() % 9'000'000 : 0), Distribution::uniform,
             may_reorder && one_in(4)};
  const bool has_loss = one_in(3);
  if (has_loss) d.loss.model = RandomLoss{Probability::percent(3)};
  d.loss.after_rate = has_loss && one_in(2);
  d.loss.ecn = has_loss && one_in(2);
  if (one_in(3)) d.duplicate.probability = Probability::percent(5);
  if (may_reorder && one_in(4)) d.reorder = {Probability::percent(5), 1 + static_cast<std::uint32_t>(random() % 5), {}};
  if (one_in(10)) d.outage = {false, 30ms, 5ms, one_in(2)};
  if (one_in(5)) return d;
  if (one_in(3)) {
    d.trace = random_trace(random);
  } else {
    d.rate = 500'000 + random() % 50'000'000;
    if (one_in(3)) d.rate.burst = random() % 50'000;
    if (one_in(3)) d.rate.overhead = static_cast<std::int32_t>(random() % 80) - 20;
    if (one_in(3)) d.rate.cell_size = 48, d.rate.cell_overhead = 5;
  }
  d.queue.discipline = static_cast<Discipline>(random() % 6);
  const bool marks = d.queue.discipline > Discipline::drophead;
  d.queue.ecn = marks && one_in(2);
  if (one_in(2)) d.queue.limit_packets = 1 + static_cast<std::uint32_t>(random() % 200);
  if (d.queue.limit_packets == 0 && one_in(2)) d.queue.limit_time = Duration(1 + random() % 100'000'000);
  if (d.queue.discipline == Discipline::codel && one_in(2)) d.queue.interval = 10ms;
  if (d.queue.discipline == Discipline::fq_codel && one_in(2))
    d.queue.flows = 1 + static_cast<std::uint32_t>(random() % 9);
  return d;
}

/// A datagram of one of a few flows, with its number in the payload and any of ECN's codepoints.
super_packets::Super numbered(std::uint16_t flow, std::uint32_t number, std::size_t payload, std::uint8_t ecn) {
  super_packets::Bytes body = packets::be32(number);
  body.resize(4 + payload, 0);
  super_packets::Bytes bytes = packets::ipv4(kUdp, packets::udp(static_cast<std::uint16_t>(1000 + flow), 2000, body));
  bytes[1] = ecn;
  return plain(std::move(bytes));
}

std::uint32_t number_of(const Left& left) {
  return std::uint32_t{left.bytes[28]} << 24 | std::uint32_t{left.bytes[29]} << 16 |
         std::uint32_t{left.bytes[30]} << 8 | left.bytes[31];
}

void run(std::uint64_t seed, bool may_reorder) {
  std::mt19937_64 random(seed);
  Bench bench(seed, 1 << 20);
  TimePoint now(1s);
  for (std::uint32_t i = 0; i < 6000; ++i) {
    now += Duration(random() % 800'000);
    if (i % 150 == 0) {
      LinkConditions c;
      c.up = random_direction(random, may_reorder);
      ASSERT_TRUE(api::validate(c).empty()) << api::validate(c)[0].pointer << api::validate(c)[0].detail;
      bench.link.apply(c, now);
    }
    if (i % 3000 == 2999) bench.link.reset(now);
    bench.admit(
        numbered(static_cast<std::uint16_t>(random() % 4), i, random() % 1400, static_cast<std::uint8_t>(random() % 4)),
        Side::near, now);
    if (random() % 3 == 0) bench.release(now);
    if (i % 50 == 0) bench.expect_balance();
    const DirectionStats up = bench.link.stats(now).up;
    ASSERT_TRUE(up.packets_in_flight == 0 || bench.link.next_due() < now + 1h) << "nothing is stuck";
  }
  bench.run_until(now + 1h);
  bench.expect_balance();
  const DirectionStats up = bench.link.stats(bench.now_).up;
  EXPECT_EQ(up.packets_in_flight, 0u);
  EXPECT_EQ(up.bytes_in_flight, 0u);
  EXPECT_GT(up.total.dropped[static_cast<std::size_t>(DropReason::queue)], 0u);
  EXPECT_EQ(up.total.packets_out, bench.left.size());
  std::uint64_t marked = 0;
  std::map<int, std::uint32_t> last;
  TimePoint released(0s);
  for (const Left& left : bench.left) {
    PacketView view;
    ASSERT_EQ(parse_packet(left.bytes, view), ParseError::none);
    super_packets::Bytes again = left.bytes;
    write_ipv4_header_checksum(again);
    ASSERT_EQ(again, left.bytes) << "the header's checksum is right, marked or not";
    marked += (left.bytes[1] & 3) == 3 ? 1 : 0;
    if (may_reorder) continue;
    ASSERT_GE(left.at, released);
    released = left.at;
    // Of one flow; a duplicate comes behind its original.
    const std::uint32_t number = number_of(left);
    ASSERT_GE(number, last[view.source_port]) << "flow " << view.source_port;
    last[view.source_port] = number;
  }
  EXPECT_GE(marked, up.total.marked);
}

TEST(QueueProperty, NothingIsLostUnseenNorStuckNorOvertakesUnasked) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    run(seed, false);
  }
}

TEST(QueueProperty, AlsoWithReordering) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    run(seed, true);
  }
}

LinkConditions congested(Discipline discipline, bool ecn) {
  LinkConditions c;
  c.up.rate = 10'000'000;
  c.up.queue.discipline = discipline;
  c.up.queue.ecn = ecn;
  return c;
}

/// A second at 12 Mbit/s through 10.
Bench& overload(Bench& bench, const LinkConditions& c, std::uint8_t ecn) {
  bench.link.apply(c, TimePoint(1s));
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const TimePoint now = TimePoint(1s) + i * 1ms;
    bench.release(now);
    bench.admit(numbered(1, i, 1468, ecn), Side::near, now);
  }
  bench.run_until(TimePoint(1min));
  bench.expect_balance();
  return bench;
}

TEST(Ecn, WhatIsCapableIsMarkedAndArrives) {
  for (const Discipline discipline : {Discipline::codel, Discipline::pie, Discipline::red, Discipline::fq_codel}) {
    SCOPED_TRACE(static_cast<int>(discipline));
    for (const std::uint8_t ecn : {std::uint8_t{1}, std::uint8_t{2}}) {
      Bench marking(1);
      const DirectionStats stats = overload(marking, congested(discipline, true), ecn).link.stats(TimePoint(1min)).up;
      const std::uint64_t aqm = stats.total.dropped[static_cast<std::size_t>(DropReason::aqm)];
      EXPECT_GT(stats.total.marked, 3u);
      EXPECT_TRUE(aqm == 0 || discipline == Discipline::pie) << aqm;
      EXPECT_EQ(static_cast<std::uint64_t>(std::count_if(marking.left.begin(), marking.left.end(),
                                                         [](const Left& l) { return (l.bytes[1] & 3) == 3; })),
                stats.total.marked);
    }
  }
}

TEST(Ecn, WhatIsNotCapableOrNotAskedIsDropped) {
  for (const Discipline discipline : {Discipline::codel, Discipline::pie, Discipline::red, Discipline::fq_codel}) {
    SCOPED_TRACE(static_cast<int>(discipline));
    for (const bool is_asked : {false, true}) {
      Bench bench(1);
      const std::uint8_t ecn = is_asked ? 0 : 2;
      const DirectionStats up = overload(bench, congested(discipline, is_asked), ecn).link.stats(TimePoint(1min)).up;
      EXPECT_EQ(up.total.marked, 0u);
      EXPECT_GT(up.total.dropped[static_cast<std::size_t>(DropReason::aqm)], 3u);
    }
  }
}

TEST(Ecn, TheMarkMendsTheChecksumOfIpv4AndSitsRightInIpv6) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    super_packets::Bytes bytes = packets::ipv4(kUdp, packets::udp(1, 2));
    for (const std::size_t at : {1, 4, 5, 8, 12, 13, 14, 15}) bytes[at] = static_cast<std::uint8_t>(random());
    write_ipv4_header_checksum(bytes);
    const super_packets::Bytes before = bytes;
    ASSERT_EQ(mark_congestion(bytes), (before[1] & 3) != 0);
    if ((before[1] & 3) == 0) {
      ASSERT_EQ(bytes, before);
      continue;
    }
    ASSERT_EQ(bytes[1], before[1] | 3);
    super_packets::Bytes again = bytes;
    write_ipv4_header_checksum(again);
    ASSERT_EQ(again, bytes);
  }
  super_packets::Bytes six = packets::ipv6(kUdp, packets::udp(1, 2));
  EXPECT_FALSE(mark_congestion(six));
  six[1] = 0x20;  // traffic class 2: ECT(0)
  EXPECT_TRUE(mark_congestion(six));
  EXPECT_EQ(six[0], 0x60);
  EXPECT_EQ(six[1], 0x30);
}

TEST(Aqm, PieKeepsTheDelayAndDropTailDoesNot) {
  const auto worst = [](Discipline discipline) {
    Bench bench(1);
    overload(bench, congested(discipline, false), 0);
    return bench.link.stats(TimePoint(1min)).up.total.delay.max();
  };
  EXPECT_GT(worst(Discipline::droptail), 300ms);
  EXPECT_LT(worst(Discipline::pie), 200ms);
}

TEST(Aqm, AFlowThatSendsLittleDoesNotWaitBehindOneThatSendsMuch) {
  Bench bench(1);
  bench.link.apply(congested(Discipline::fq_codel, false), TimePoint(1s));
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const TimePoint now = TimePoint(1s) + i * 1ms;
    bench.release(now);
    bench.admit(numbered(1, i, 1468, 0), Side::near, now);
    if (i % 20 == 0) bench.admit(numbered(2, i, 100, 0), Side::near, now);
  }
  bench.run_until(TimePoint(1min));
  int sparse = 0;
  for (const Left& left : bench.left) {
    if (left.bytes.size() != 132) continue;
    ++sparse;
    const TimePoint sent = TimePoint(1s) + number_of(left) * 1ms;
    // Itself, one that is being sent, and at the very beginning one more that the other's first quantum was good for.
    EXPECT_LE(left.at - sent, sent == TimePoint(1s) ? 2'505'600ns : 1'302'400ns + 1us);
  }
  EXPECT_EQ(sparse, 50);
}

}  // namespace
}  // namespace wobble
