// What is due leaves a link through a device in virtual time: joined or not, the same packets in the same order, and
// the link is told of each.
#include "emulator/link/departures.h"

#include <gtest/gtest.h>

#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/super_packets.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;
using super_packets::Bytes;
using super_packets::cut;
using super_packets::Super;

class Deaf final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override {}
  void on(const Transition&) noexcept override {}
  void on(const ConnectionClosed&) noexcept override {}
  void on(const SegmentRecord&) noexcept override {}
  void on_exhausted(const MemoryExhausted& event) noexcept override { exhausted.push_back(event); }
  std::vector<MemoryExhausted> exhausted;
};

TimePoint present;
TimePoint read_present() noexcept { return present; }

struct Bench {
  explicit Bench(bool takes_super_packets, std::size_t memory = std::size_t{64} << 20)
      : link({.seed = 7, .connections = {}, .memory_limit = memory, .memory = {}}, observer, TimePoint(1h)),
        departures(link, Direction::up, device, &read_present) {
    device.takes_super_packets = takes_super_packets;
    present = TimePoint(1h);
  }
  void arrive(const Super& packet) { link.admit(packet.bytes, packet.offload, Side::near, present); }
  void leave(TimePoint now) {
    present = std::max(present, now);
    link.advance(present);
    departures.write_due();
  }
  std::vector<Bytes> wire() const {
    std::vector<Bytes> wire;
    for (const MemoryDevice::Packet& packet : device.written) {
      for (Bytes& bytes : cut({packet.bytes, packet.offload})) wire.push_back(std::move(bytes));
    }
    return wire;
  }

  Deaf observer;
  Link link;
  MemoryDevice device;
  Departures departures;
};

Super datagram(std::uint16_t id) {
  Super super{packets::ipv4(kUdp, packets::udp(40000, 53, Bytes(64, static_cast<std::uint8_t>(id)))), {}};
  super.bytes[4] = static_cast<std::uint8_t>(id >> 8);
  super.bytes[5] = static_cast<std::uint8_t>(id);
  write_ipv4_header_checksum(super.bytes);
  super.bytes = packets::with_checksum(super.bytes);
  return super;
}

TEST(Departures, WhatIsDueTogetherLeavesAsOneAndIsCountedSeverally) {
  Bench bench(true);
  for (std::uint16_t id = 0; id < 50; ++id) bench.arrive(datagram(id));
  bench.leave(present);
  EXPECT_EQ(bench.device.written.size(), 1u);
  EXPECT_EQ(bench.wire().size(), 50u);
  EXPECT_EQ(bench.link.stats(present).up.total.packets_out, 50u);
  EXPECT_EQ(bench.link.stats(present).up.packets_in_flight, 0u);
}

TEST(Departures, NothingWaitsForAPartnerAndNothingLeavesEarlyToJoinOne) {
  Bench bench(true);
  LinkConditions conditions;
  conditions.up.delay.time = 10ms;
  bench.link.apply(conditions, present);
  bench.arrive(datagram(0));
  present += 1us;
  bench.arrive(datagram(1));
  bench.leave(TimePoint(1h) + 10ms);
  EXPECT_EQ(bench.wire().size(), 1u);
  bench.leave(TimePoint(1h) + 10ms + 1us);
  EXPECT_EQ(bench.wire().size(), 2u);
}

TEST(Departures, ADeviceThatRefusesAWholeGetsThePackets) {
  Bench bench(true);
  bench.device.refuses_parts = true;
  for (std::uint16_t id = 0; id < 50; ++id) bench.arrive(datagram(id));
  bench.leave(present);
  EXPECT_EQ(bench.device.written.size(), 50u);
  EXPECT_EQ(bench.link.stats(present).up.total.packets_out, 50u);
}

/// The same traffic through every impairment, with and without joining: the same packets on the wire.
TEST(Departures, JoiningChangesNothingOnTheWire) {
  LinkConditions conditions;
  conditions.up.delay = {5ms, 2ms, Distribution::normal, false};
  conditions.up.loss.model = RandomLoss{Probability::percent(2)};
  conditions.up.duplicate.probability = Probability::percent(2);
  conditions.up.corrupt.probability = Probability::percent(2);
  conditions.up.reorder = {Probability::percent(1), 3, {}};
  std::vector<Bytes> wires[2];
  std::size_t written[2] = {};
  for (const bool joins : {false, true}) {
    std::mt19937_64 random(5);
    Bench bench(joins);
    bench.link.apply(conditions, present);
    std::uint16_t id = 0;
    for (int i = 0; i < 6000; ++i) {
      if (i % 7 == 0) {
        bench.arrive(super_packets::make(random, random() % 2, true, 1 + random() % 9000, 1400));
      } else {
        bench.arrive(datagram(id++));
      }
      bench.leave(present + 5us);
      if (i % 16 == 0) bench.leave(present + 200us);
    }
    bench.leave(present + 1s);
    EXPECT_EQ(bench.link.stats(present).up.packets_in_flight, 0u);
    wires[joins] = bench.wire();
    written[joins] = bench.device.written.size();
  }
  EXPECT_EQ(wires[0], wires[1]);
  EXPECT_LT(written[1], written[0] * 9 / 10) << "was anything joined?";
}

TEST(Departures, ExhaustedMemoryIsADropWithItsReasonAndOneEvent) {
  Bench bench(true, 1 << 20);
  LinkConditions conditions;
  conditions.up.delay.time = 1s;
  bench.link.apply(conditions, present);
  for (int i = 0; i < 20'000; ++i) bench.arrive(datagram(static_cast<std::uint16_t>(i)));
  const auto& dropped = bench.link.stats(present).up.total.dropped;
  EXPECT_GT(dropped[static_cast<std::size_t>(DropReason::memory)], 10'000u);
  ASSERT_EQ(bench.observer.exhausted.size(), 1u);
  EXPECT_EQ(bench.observer.exhausted[0].limit, 1u << 20);
  present += 20s;
  for (int i = 0; i < 20'000; ++i) bench.arrive(datagram(static_cast<std::uint16_t>(i)));
  EXPECT_EQ(bench.observer.exhausted.size(), 2u) << "after ten quiet seconds it is news again";
}

}  // namespace
}  // namespace wobble
