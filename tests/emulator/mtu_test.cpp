// A next hop that takes less than the sender thinks: refused with an ICMP error, in silence, or cut into fragments.

#include <gtest/gtest.h>

#include "emulator/link/originated.h"
#include "emulator/packet/ipv4_fragments.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/bench.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;
using namespace packets;
using super_packets::Super;

constexpr std::uint16_t kDontFragment = 0x4000;

LinkConditions with_mtu(std::uint32_t bytes, bool icmp = true) {
  LinkConditions c;
  c.up.mtu = c.down.mtu = {bytes, icmp};
  return c;
}

std::uint64_t dropped(Bench& bench, DropReason reason) {
  return bench.link.stats(kBegin).up.total.dropped[static_cast<std::size_t>(reason)];
}

Bytes payload_of(std::size_t size) {
  Bytes payload(size);
  for (std::size_t i = 0; i < size; ++i) payload[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
  return payload;
}

Super v4(std::size_t total, std::uint16_t fragment = kDontFragment) {
  return plain(ipv4(kUdp, udp(1000, 2000, payload_of(total - 28)), fragment));
}

bool is_ipv4_header_right(const Bytes& packet) {
  Bytes mended = packet;
  write_ipv4_header_checksum(mended);
  return mended == packet;
}

PacketView parsed(const Bytes& bytes) {
  PacketView view;
  EXPECT_EQ(parse_packet(bytes, view), ParseError::none);
  EXPECT_TRUE(is_checksum_right(view));
  return view;
}

TEST(Mtu, WhatFitsPasses) {
  Bench bench(1);
  bench.link.apply(with_mtu(1400), TimePoint(1s));
  bench.admit(v4(1400), Side::near, kBegin);
  bench.release(kBegin);
  ASSERT_EQ(bench.left.size(), 1u);
  EXPECT_EQ(bench.left[0].bytes, v4(1400).bytes);
}

TEST(Mtu, Ipv4IsAnsweredWithFragmentationNeeded) {
  Bench bench(1);
  bench.link.apply(with_mtu(1400), TimePoint(1s));
  const Super big = v4(1401);
  bench.admit(big, Side::near, kBegin);
  bench.release(kBegin);
  ASSERT_EQ(bench.left.size(), 1u);
  EXPECT_EQ(bench.left[0].direction, Direction::down);
  EXPECT_EQ(bench.left[0].at, kBegin);
  const Bytes& error = bench.left[0].bytes;
  const PacketView view = parsed(error);
  EXPECT_TRUE(is_ipv4_header_right(error));
  EXPECT_EQ(view.protocol, kIcmp);
  EXPECT_EQ(view.source.to_string(), "10.77.1.1") << "without an address of its own, from where the packet was going";
  EXPECT_EQ(view.destination.to_string(), "10.77.0.1");
  EXPECT_EQ(error.size(), 576u);
  EXPECT_EQ(error[20], 3);
  EXPECT_EQ(error[21], 4);
  EXPECT_EQ(Bytes(error.begin() + 24, error.begin() + 28), be32(1400)) << "unused, and the next hop's MTU";
  EXPECT_TRUE(std::equal(error.begin() + 28, error.end(), big.bytes.begin())) << "quotes what was sent";
  EXPECT_EQ(dropped(bench, DropReason::mtu), 1u);
  EXPECT_EQ(bench.link.stats(kBegin).down.total.originated, 1u);
  bench.expect_balance();
}

TEST(Mtu, Ipv6IsAnsweredWithPacketTooBig) {
  Bench bench(1);
  bench.link.apply(with_mtu(1300), TimePoint(1s));
  const Super big{with_checksum(ipv6(kUdp, udp(1000, 2000, payload_of(1400)))), {}};
  bench.admit(big, Side::near, kBegin);
  bench.release(kBegin);
  ASSERT_EQ(bench.left.size(), 1u);
  const Bytes& error = bench.left[0].bytes;
  const PacketView view = parsed(error);
  EXPECT_EQ(view.protocol, kIcmpV6);
  EXPECT_EQ(view.destination.to_string(), "fd77::1");
  EXPECT_EQ(error.size(), 1280u);
  EXPECT_EQ(error[40], 2);
  EXPECT_EQ(error[41], 0);
  EXPECT_EQ(Bytes(error.begin() + 44, error.begin() + 48), be32(1300));
  EXPECT_TRUE(std::equal(error.begin() + 48, error.end(), big.bytes.begin()));
}

TEST(Mtu, TheErrorComesFromTheHopIfItHasAnAddress) {
  Recorder observer;
  LinkOptions options;
  options.hop_v4 = IpAddress::parse("192.0.2.1");
  Link link(options, observer, TimePoint(1s));
  link.apply(with_mtu(1400), TimePoint(1s));
  link.admit(v4(1500).bytes, Side::near, kBegin);
  const auto error = link.pop_due(Direction::down, kBegin);
  ASSERT_TRUE(error);
  PacketView view;
  parse_packet(error->buffer.bytes(), view);
  EXPECT_EQ(view.source.to_string(), "192.0.2.1");
}

TEST(Mtu, WithoutIcmpItIsABlackHole) {
  Bench bench(1);
  bench.link.apply(with_mtu(1400, false), TimePoint(1s));
  bench.admit(v4(1500), Side::near, kBegin);
  bench.release(kBegin);
  EXPECT_TRUE(bench.left.empty());
  EXPECT_EQ(dropped(bench, DropReason::mtu), 1u);
  bench.expect_balance();
}

TEST(Mtu, NoErrorAboutWhatMustNotBeReported) {
  const auto errors_about = [](Bytes bytes) {
    Bench bench(1);
    bench.link.apply(with_mtu(100), TimePoint(1s));
    bench.admit(plain(std::move(bytes)), Side::near, kBegin);
    bench.release(kBegin);
    EXPECT_EQ(dropped(bench, DropReason::mtu), 1u);
    return bench.left.size();
  };
  const Bytes body(200, 1);
  EXPECT_EQ(errors_about(ipv4(kUdp, udp(1, 2, body), kDontFragment)), 1u);
  EXPECT_EQ(errors_about(ipv4(kIcmp, Bytes{3, 3, 0, 0, 0, 0, 0, 0} + body, kDontFragment)), 0u) << "an error";
  EXPECT_EQ(errors_about(ipv4(kIcmp, icmp_echo(8, 1, body), kDontFragment)), 1u) << "a question";
  EXPECT_EQ(errors_about(ipv4(kUdp, body, kDontFragment | 5)), 0u) << "a fragment that is not the first";
  Bytes to_many = ipv4(kUdp, udp(1, 2, body), kDontFragment);
  to_many[16] = 224;
  EXPECT_EQ(errors_about(to_many), 0u) << "multicast";
}

TEST(Mtu, EachSegmentOfASuperPacketIsJudgedForItself) {
  std::mt19937_64 random(3);
  Super super = super_packets::make(random, false, true, 5 * 1400 + 100, 1400);
  super.bytes[6] = 0x40;
  write_ipv4_header_checksum(super.bytes);
  Bench bench(1);
  bench.link.apply(with_mtu(1400), TimePoint(1s));
  bench.admit(super, Side::near, kBegin);
  bench.release(kBegin);
  ASSERT_EQ(bench.left.size(), 6u) << "five errors, and the short last segment";
  const auto wire = super_packets::cut(super);
  std::size_t errors = 0;
  for (const Left& left : bench.left) {
    if (left.direction == Direction::up) {
      EXPECT_EQ(left.bytes, wire[5]);
      continue;
    }
    parsed(left.bytes);
    EXPECT_TRUE(std::equal(left.bytes.begin() + 28, left.bytes.end(), wire[errors].begin())) << errors;
    ++errors;
  }
  EXPECT_EQ(errors, 5u);
  bench.expect_balance();
}

/// Puts fragments together again, in any order, as RFC 791 3.2 has it.
Bytes reassembled(const std::vector<Bytes>& fragments) {
  Bytes whole;
  std::size_t end = 0;
  for (const Bytes& fragment : fragments) {
    EXPECT_TRUE(is_ipv4_header_right(fragment));
    const std::size_t header = std::size_t{4} * (fragment[0] & 0x0f);
    const std::size_t field = std::size_t{fragment[6]} << 8 | fragment[7];
    const std::size_t at = (field & 0x1fff) * 8;
    const std::size_t length = fragment.size() - header;
    if ((field & 0x2000) == 0) end = at + length;
    EXPECT_TRUE((field & 0x2000) == 0 || length % 8 == 0);
    whole.resize(std::max(whole.size(), at + length));
    std::copy(fragment.begin() + static_cast<std::ptrdiff_t>(header), fragment.end(),
              whole.begin() + static_cast<std::ptrdiff_t>(at));
  }
  EXPECT_EQ(whole.size(), end);
  return whole;
}

TEST(Mtu, Ipv4ThatMayBeFragmentedIs) {
  for (const std::uint32_t mtu : {68u, 576u, 1000u, 1399u}) {
    Bench bench(1);
    bench.link.apply(with_mtu(mtu), TimePoint(1s));
    const Super big = v4(1400, 0);
    bench.admit(big, Side::near, kBegin);
    bench.release(kBegin);
    std::vector<Bytes> fragments;
    for (const Left& left : bench.left) {
      EXPECT_EQ(left.direction, Direction::up);
      EXPECT_LE(left.bytes.size(), mtu);
      EXPECT_TRUE(std::equal(left.bytes.begin() + 4, left.bytes.begin() + 6, big.bytes.begin() + 4)) << "same packet";
      fragments.push_back(left.bytes);
    }
    EXPECT_EQ(fragments.size(), (1380 + (mtu - 20) / 8 * 8 - 1) / ((mtu - 20) / 8 * 8));
    EXPECT_EQ(reassembled(fragments), Bytes(big.bytes.begin() + 20, big.bytes.end()));
    const LinkStats stats = bench.link.stats(kBegin);
    EXPECT_EQ(stats.up.total.packets_in, 1u);
    EXPECT_EQ(stats.up.total.originated, fragments.size() - 1);
    EXPECT_EQ(stats.up.total.reordering.reordered, 0u);
    bench.expect_balance();
  }
}

TEST(Mtu, FragmentsMeetFatesOfTheirOwn) {
  Bench bench(1);
  LinkConditions c = with_mtu(576);
  c.up.loss.model = EveryLoss{3};
  c.up.rate = 8'000'000;
  bench.link.apply(c, TimePoint(1s));
  bench.admit(v4(1400, 0), Side::near, kBegin);
  bench.run_until(kBegin + 1s);
  ASSERT_EQ(bench.left.size(), 2u);
  EXPECT_EQ(bench.left[0].at, kBegin + 572us);
  EXPECT_EQ(bench.left[1].at, kBegin + 1144us);
  bench.expect_balance();
}

TEST(Mtu, FragmentsBelongToTheirConnection) {
  Bench bench(1);
  LinkConditions c = with_mtu(576);
  c.up.loss.model = EveryLoss{3};
  bench.link.apply(c, TimePoint(1s));
  bench.admit(v4(1400, 0), Side::near, kBegin);
  bench.release(kBegin);
  ASSERT_EQ(bench.link.connections().size(), 1u);
  const EndpointFigures client = bench.link.connections().figures(1).value().client;
  EXPECT_EQ(client.packets_sent, 3u);
  EXPECT_EQ(client.payload_bytes, 1372u);
  EXPECT_EQ(client.packets_delivered, 2u);
  EXPECT_EQ(client.dropped, 1u);
}

// Each segment of a super-packet is cut by itself.
TEST(Mtu, TheTrackerSeesSegmentsThatWereCut) {
  std::mt19937_64 random(3);
  Super super = super_packets::make(random, false, true, 5000, 1000);
  Bench bench(1);
  bench.link.apply(with_mtu(576), TimePoint(1s));
  bench.admit(super, Side::near, kBegin);
  bench.release(kBegin);
  const EndpointFigures client = bench.link.connections().figures(1).value().client;
  EXPECT_EQ(client.packets_sent, 10u);
  EXPECT_EQ(client.packets_delivered, 10u);
  EXPECT_EQ(client.unique_payload_bytes, 5000u);
  EXPECT_EQ(client.payload_bytes, 5000u);
  EXPECT_EQ(client.gaps, 0u);
  EXPECT_EQ(client.out_of_order, 0u);
}

// Also when it is but one of many: the receiver has all of it, so that a reset behind it is exact (reset_accepted).
TEST(Mtu, TheReceiverHasTheWholeSegmentOnceItWasCut) {
  using namespace tcp_flag;
  Bench bench(1);
  bench.link.apply(with_mtu(576), TimePoint(1s));
  TimePoint now = kBegin;
  const auto pass = [&](Side side, std::uint32_t seq, std::uint32_t ack, std::uint16_t flags, std::size_t size = 0) {
    const Bytes segment =
        side == Side::near ? tcp(5000, 80, seq, ack, flags, Bytes(size, 'x')) : tcp(80, 5000, seq, ack, flags);
    Super super = plain(ipv4(kTcp, segment));
    super.bytes[5] = static_cast<std::uint8_t>(seq / 1000);
    if (side == Side::far)
      std::swap_ranges(super.bytes.begin() + 12, super.bytes.begin() + 16, super.bytes.begin() + 16);
    write_ipv4_header_checksum(super.bytes);
    bench.admit(super, side, now += 1ms);
    bench.release(now);
  };
  pass(Side::near, 100, 0, kSyn);
  pass(Side::far, 500, 101, kSyn | kAck);
  pass(Side::near, 101, 501, kAck);
  for (std::uint32_t i = 0; i < 30; ++i) pass(Side::near, 101 + 1000 * i, 501, kAck, 1000);
  const std::size_t told = bench.observer_.told.size();
  pass(Side::near, 30'101, 501, kRst);
  const auto states = [&](Role side) {
    return std::ranges::count_if(bench.observer_.told.begin() + static_cast<std::ptrdiff_t>(told),
                                 bench.observer_.told.end(), [&](const auto& row) {
                                   return row.size() == 6 && row[2] == static_cast<int>(side) &&
                                          row[3] == static_cast<int>(TcpState::closed) && row[4] == 34;
                                 });
  };
  EXPECT_EQ(states(Role::server), 1);
}

TEST(Fragments, OfAFragmentKeepItsPlace) {
  // A fragment with 1,000 bytes at 800, and more behind it.
  const Bytes packet = plain(ipv4(kUdp, payload_of(1000), 0x2000 | 100)).bytes;
  const Ipv4Fragments fragments(packet, 420);
  ASSERT_EQ(fragments.count(), 3u);
  const std::uint16_t expected[] = {0x2000 | 100, 0x2000 | 150, 0x2000 | 200};
  for (std::uint32_t i = 0; i < 3; ++i) {
    Bytes out(fragments.size(i));
    fragments.copy(i, out);
    EXPECT_EQ(Bytes(out.begin() + 6, out.begin() + 8), be16(expected[i]));
  }
}

TEST(Fragments, OnlyOptionsThatAreToBeCopiedAre) {
  // No operation, record route (not copied), stream identifier (copied), end.
  const Bytes options = Bytes{1, 7, 3, 4, 0x88, 4, 9, 9, 0, 0, 0, 0};
  const Bytes packet = plain(ipv4(kUdp, payload_of(200), 0, options)).bytes;
  const Ipv4Fragments fragments(packet, 120);
  ASSERT_EQ(fragments.count(), 3u);
  std::vector<Bytes> all;
  for (std::uint32_t i = 0; i < 3; ++i) {
    all.emplace_back(fragments.size(i));
    fragments.copy(i, all.back());
    EXPECT_LE(all.back().size(), 120u);
  }
  EXPECT_EQ(Bytes(all[0].begin() + 20, all[0].begin() + 32), options);
  EXPECT_EQ(Bytes(all[1].begin() + 20, all[1].begin() + 24), (Bytes{0x88, 4, 9, 9}));
  EXPECT_EQ(all[1][0], 0x46);
  EXPECT_EQ(reassembled(all), payload_of(200));
}

TEST(Fragments, OfAnythingComeTogetherAgain) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 3000; ++i) {
    Bytes options = super_packets::random_bytes(random, random() % 11 * 4);
    const Bytes payload = super_packets::random_bytes(random, 1 + random() % 3000);
    const Bytes packet = plain(ipv4(99, payload, 0, options)).bytes;
    const auto mtu = static_cast<std::uint32_t>(kMinMtu + random() % 1500);
    if (packet.size() <= mtu) continue;
    const Ipv4Fragments fragments(packet, mtu);
    std::vector<Bytes> all;
    for (std::uint32_t n = 0; n < fragments.count(); ++n) {
      all.emplace_back(fragments.size(n));
      ASSERT_LE(all.back().size(), mtu);
      fragments.copy(n, all.back());
    }
    ASSERT_EQ(reassembled(all), payload);
  }
}

}  // namespace
}  // namespace wobble
