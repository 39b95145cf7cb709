// Loss with ecn: what the model chooses is marked instead, if it is ECN-capable (RFC 3168), and else lost.

#include <gtest/gtest.h>

#include <set>

#include "emulator/packet/packet.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/bench.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;
using super_packets::Bytes;

constexpr std::uint32_t kPackets = 500;

std::vector<LossSettings> models() {
  const auto percent = [](double p) { return Probability::percent(p); };
  std::vector<LossSettings> all(8);
  all[0].model = RandomLoss{percent(7)};
  all[1].model = RandomLoss{percent(7)};
  all[1].correlation = percent(40);
  all[2].model = BurstLoss{percent(6), 3000};
  all[3].model = GilbertElliott{percent(3), percent(30), percent(80), percent(1)};
  all[4].model = MarkovLoss{percent(2), percent(30), percent(20), percent(40), percent(3)};
  all[5].model = EveryLoss{9};
  all[6].model = PatternLoss{"x...x."};
  all[7].model = ListLoss{{1, 5, 6, 400, 500}};
  return all;
}

/// A datagram with its number in the payload.
Bytes numbered(std::uint32_t number, bool is_v6) {
  const Bytes datagram = packets::udp(1000, 2000, packets::be32(number));
  return is_v6 ? packets::ipv6(kUdp, datagram) : packets::ipv4(kUdp, datagram);
}

struct Outcome {
  std::set<std::uint32_t> arrived;
  std::set<std::uint32_t> marked;
  DirectionStats stats;
};

/// One packet each millisecond, all of one codepoint.
Outcome send(const DirectionConditions& up, std::uint64_t codepoint, bool is_v6) {
  Bench bench(5);
  bench.link.apply({up, {}}, TimePoint(1s));
  for (std::uint32_t i = 0; i < kPackets; ++i) {
    const TimePoint now = TimePoint(1s) + i * 1ms;
    bench.release(now);
    super_packets::Super packet{packets::with_checksum(numbered(i, is_v6)), {}};
    bench.admit(super_packets::with_ecn(std::move(packet), codepoint), Side::near, now);
  }
  bench.run_until(TimePoint(1min));
  bench.expect_balance();
  Outcome out;
  for (const Left& left : bench.left) {
    const std::size_t at = left.bytes.size() - 2;
    const auto number = static_cast<std::uint32_t>(left.bytes[at] << 8 | left.bytes[at + 1]);
    const bool is_marked = (left.bytes[1] >> (is_v6 ? 4 : 0) & 3) == 3;
    out.arrived.insert(number);
    if (is_marked) out.marked.insert(number);
    Bytes again = left.bytes;
    if (!is_v6) write_ipv4_header_checksum(again);
    EXPECT_EQ(again, left.bytes) << "the header's checksum is right, marked or not";
  }
  out.stats = bench.link.stats(TimePoint(1min)).up;
  return out;
}

std::uint64_t lost(const Outcome& outcome) {
  return outcome.stats.total.dropped[static_cast<std::size_t>(DropReason::loss)];
}

/// Every model, in each of its places, with nothing before or behind it, with a bottleneck and with a queue that waits.
template <typename Check>
void under_every_model(Check check) {
  for (const LossSettings& model : models()) {
    for (const bool after_rate : {false, true}) {
      for (const int bottleneck : {0, 1, 2}) {
        DirectionConditions c;
        c.loss = model;
        c.loss.after_rate = after_rate;
        if (bottleneck > 0) c.rate = 10'000'000;
        if (bottleneck > 1) c.queue.discipline = Discipline::codel;
        SCOPED_TRACE(::testing::Message() << mean_loss(model) << " " << after_rate << " " << bottleneck);
        check(c);
      }
    }
  }
}

TEST(LossEcn, MarksWhatWouldBeLost) {
  under_every_model([](DirectionConditions c) {
    for (const bool is_v6 : {false, true}) {
      c.loss.ecn = false;
      const Outcome without = send(c, 2, is_v6);
      c.loss.ecn = true;
      for (const std::uint64_t codepoint : {1, 2}) {
        const Outcome with = send(c, codepoint, is_v6);
        EXPECT_EQ(with.arrived.size(), kPackets);
        EXPECT_EQ(lost(with), 0u);
        EXPECT_EQ(with.stats.total.marked, lost(without));
        EXPECT_EQ(with.stats.since_change.marked, lost(without));
        EXPECT_EQ(with.stats.total.loss_runs.lost, lost(without)) << "what the model has chosen";
        EXPECT_EQ(with.stats.total.loss_runs.runs, without.stats.total.loss_runs.runs);
        std::set<std::uint32_t> both = without.arrived;
        both.insert(with.marked.begin(), with.marked.end());
        EXPECT_EQ(both.size(), kPackets) << "the very packets";
        EXPECT_EQ(without.arrived.size() + with.marked.size(), kPackets);
      }
    }
  });
}

TEST(LossEcn, LosesWhatIsNotCapable) {
  under_every_model([](DirectionConditions c) {
    const Outcome without = send(c, 0, false);
    c.loss.ecn = true;
    const Outcome with = send(c, 0, false);
    EXPECT_EQ(with.arrived, without.arrived);
    EXPECT_GT(lost(with), 0u);
    EXPECT_EQ(with.stats.total.marked, 0u);
  });
}

TEST(LossEcn, ADuplicateOfAMarkedPacketIsMarkedAsWell) {
  DirectionConditions c;
  c.loss.model = EveryLoss{2};
  c.loss.ecn = true;
  c.duplicate.probability = Probability::percent(100);
  Bench bench(1);
  bench.link.apply({c, {}}, TimePoint(1s));
  for (std::uint32_t i = 0; i < 10; ++i) {
    bench.admit(super_packets::with_ecn({numbered(i, false), {}}, 2), Side::near, TimePoint(1s) + i * 1ms);
  }
  bench.run_until(TimePoint(2s));
  ASSERT_EQ(bench.left.size(), 20u);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(bench.left[i].bytes[1] & 3, (i / 2) % 2 == 1 ? 3 : 2) << i;
  EXPECT_EQ(bench.link.stats(TimePoint(2s)).up.total.marked, 10u);
}

// What the model and the queue both choose is one marked packet.
TEST(LossEcn, IsCountedOnceWithTheQueuesMark) {
  DirectionConditions c;
  c.loss.model = EveryLoss{1};
  c.loss.ecn = true;
  c.rate = 1'000'000;
  c.queue.discipline = Discipline::codel;
  c.queue.ecn = true;
  for (const bool after_rate : {false, true}) {
    c.loss.after_rate = after_rate;
    const Outcome outcome = send(c, 2, false);
    EXPECT_EQ(outcome.arrived.size(), kPackets);
    EXPECT_EQ(outcome.stats.total.marked, kPackets);
  }
}

TEST(LossEcn, ASegmentOfASuperPacketHasItsOwnFate) {
  std::mt19937_64 random(3);
  for (const bool is_v6 : {false, true}) {
    DirectionConditions c;
    c.loss.model = PatternLoss{"...x.."};
    c.loss.ecn = true;
    Bench bench(1);
    bench.link.apply({c, {}}, TimePoint(1s));
    const auto super = super_packets::with_ecn(super_packets::make(random, is_v6, true, 14'000, 1000), 2);
    bench.admit(super, Side::near, TimePoint(1s));
    bench.run_until(TimePoint(2s));
    std::vector<Bytes> expected = super_packets::cut(super);
    for (const std::size_t marked : {3, 9}) {
      expected[marked] = super_packets::with_ecn({expected[marked], {}}, 3).bytes;
    }
    ASSERT_EQ(bench.left.size(), 14u);
    for (std::size_t i = 0; i < 14; ++i) EXPECT_EQ(bench.left[i].bytes, expected[i]) << i;
    EXPECT_EQ(bench.link.stats(TimePoint(2s)).up.total.marked, 2u);
  }
}

}  // namespace
}  // namespace wobble
