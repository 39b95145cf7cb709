// The middlebox that forgets idle connections, in virtual time.

#include <gtest/gtest.h>

#include "emulator/link/originated.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/bench.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;
using namespace packets;
using super_packets::Super;

Bytes reversed(Bytes packet) {  // the addresses; the ports are the caller's
  std::swap_ranges(packet.begin() + 12, packet.begin() + 16, packet.begin() + 16);
  return packet;
}

Super from_client(std::uint16_t flags, const Bytes& payload = {}) {
  return plain(ipv4(kTcp, tcp(40000, 80, 1000, 5000, flags, payload)));
}
Super from_server(std::uint16_t flags, const Bytes& payload = {}) {
  return plain(reversed(ipv4(kTcp, tcp(80, 40000, 5000, 1000, flags, payload))));
}

struct Story : Bench {
  explicit Story(IdleAction then = IdleAction::drop, bool up = true, bool down = true) : Bench(1) {
    LinkConditions c;
    if (up) c.up.idle_timeout = {1min, then};
    if (down) c.down.idle_timeout = {1min, then};
    link.apply(c, TimePoint(1s));
  }
  /// Whether it passed.
  bool passes(const Super& packet, Side side, TimePoint now) {
    left.clear();
    admit(packet, side, now);
    release(now);
    expect_balance();
    return !left.empty() && left[0].direction == direction_from(side) && left[0].bytes == packet.bytes;
  }
  std::uint64_t dropped(Direction d) {
    const LinkStats stats = link.stats(now_);
    return (d == Direction::up ? stats.up : stats.down)
        .total.dropped[static_cast<std::size_t>(DropReason::idle_timeout)];
  }
};

TEST(IdleTimeout, AConnectionThatIsUsedIsKept) {
  Story story;
  TimePoint now = kBegin;
  EXPECT_TRUE(story.passes(from_client(tcp_flag::kSyn), Side::near, now));
  for (int i = 0; i < 10; ++i) {
    now += 1min;  // not longer
    EXPECT_TRUE(story.passes(i % 2 ? from_client(tcp_flag::kAck) : from_server(tcp_flag::kAck),
                             i % 2 ? Side::near : Side::far, now));
  }
}

TEST(IdleTimeout, AForgottenOneIsDroppedInSilenceUntilItIsOpenedAnew) {
  Story story;
  story.passes(from_client(tcp_flag::kSyn), Side::near, kBegin);
  const TimePoint late = kBegin + 1min + 1ns;
  EXPECT_FALSE(story.passes(from_client(tcp_flag::kAck), Side::near, late));
  EXPECT_TRUE(story.left.empty());
  EXPECT_FALSE(story.passes(from_server(tcp_flag::kAck), Side::far, late));
  EXPECT_FALSE(story.passes(from_client(tcp_flag::kAck), Side::near, late + 1s))
      << "what is refused is no sign of life";
  EXPECT_FALSE(story.passes(from_server(tcp_flag::kSyn | tcp_flag::kAck), Side::far, late + 1s));
  EXPECT_EQ(story.dropped(Direction::up), 2u);
  EXPECT_EQ(story.dropped(Direction::down), 2u);
  EXPECT_TRUE(story.passes(from_client(tcp_flag::kSyn), Side::near, late + 2s));
  EXPECT_TRUE(story.passes(from_server(tcp_flag::kAck), Side::far, late + 3s));
}

TEST(IdleTimeout, WithResetTheSenderIsTold) {
  Story story(IdleAction::reset);
  story.passes(from_client(tcp_flag::kSyn), Side::near, kBegin);
  const TimePoint late = kBegin + 2min;
  EXPECT_FALSE(story.passes(from_client(tcp_flag::kAck | tcp_flag::kPsh, Bytes(10, 1)), Side::near, late));
  ASSERT_EQ(story.left.size(), 1u);
  EXPECT_EQ(story.left[0].direction, Direction::down);
  EXPECT_EQ(story.left[0].at, late);
  PacketView reset;
  ASSERT_EQ(parse_packet(story.left[0].bytes, reset), ParseError::none);
  EXPECT_TRUE(is_checksum_right(reset));
  EXPECT_EQ(reset.source.to_string(), "10.77.1.1");
  EXPECT_EQ(reset.source_port, 80);
  EXPECT_EQ(reset.destination_port, 40000);
  EXPECT_EQ(reset.tcp.flags, tcp_flag::kRst);
  EXPECT_EQ(reset.tcp.seq, 5000u) << "what the sender expects next: it said so in its ACK";
  EXPECT_EQ(story.link.stats(late).down.total.originated, 1u);
  EXPECT_FALSE(story.passes(from_client(tcp_flag::kRst), Side::near, late));
  EXPECT_TRUE(story.left.empty()) << "a reset is not answered";
}

/// Remembers how the two ends went from state to state.
struct Ear final : ConnectionObserver {
  void on(const ConnectionOpened&) noexcept override {}
  void on(const Transition& transition) noexcept override { heard.push_back(transition); }
  void on(const ConnectionClosed&) noexcept override {}
  void on(const SegmentRecord&) noexcept override {}
  std::vector<Transition> heard;
};

TEST(IdleTimeout, TheResetClosesWhoReceivesItAndNobodyElse) {
  Ear ear;
  Link link({}, ear, TimePoint(1s));
  LinkConditions c;
  c.up.idle_timeout = c.down.idle_timeout = {1min, IdleAction::reset};
  link.apply(c, TimePoint(1s));
  TimePoint now = kBegin;
  const auto carry = [&](const Bytes& bytes, Side side) {
    link.admit(plain(bytes).bytes, side, now);
    for (Direction d : {Direction::up, Direction::down}) {
      while (auto packet = link.pop_due(d, now)) link.complete(*packet, d, true, now);
    }
  };
  carry(ipv4(kTcp, tcp(40000, 80, 999, 0, tcp_flag::kSyn)), Side::near);
  carry(reversed(ipv4(kTcp, tcp(80, 40000, 4999, 1000, tcp_flag::kSyn | tcp_flag::kAck))), Side::far);
  carry(ipv4(kTcp, tcp(40000, 80, 1000, 5000, tcp_flag::kAck)), Side::near);
  ear.heard.clear();
  now += 2min;
  carry(ipv4(kTcp, tcp(40000, 80, 1000, 5000, tcp_flag::kAck | tcp_flag::kPsh, Bytes(5, 1))), Side::near);
  ASSERT_EQ(ear.heard.size(), 1u);
  EXPECT_EQ(ear.heard[0].side, Role::client);
  EXPECT_EQ(ear.heard[0].from, TcpState::established);
  EXPECT_EQ(ear.heard[0].to, TcpState::closed);
  EXPECT_EQ(ear.heard[0].evidence, Evidence::delivered);
}

TEST(IdleTimeout, AResetToASegmentWithoutAckAcknowledgesIt) {
  const Bytes segment = from_client(tcp_flag::kFin, Bytes(7, 1)).bytes;
  PacketView view;
  parse_packet(segment, view);
  Bytes out(kMaxOriginated);
  out.resize(write_reset(view, out));
  PacketView reset;
  ASSERT_EQ(parse_packet(out, reset), ParseError::none);
  EXPECT_EQ(reset.tcp.flags, tcp_flag::kRst | tcp_flag::kAck);
  EXPECT_EQ(reset.tcp.seq, 0u);
  EXPECT_EQ(reset.tcp.ack, 1008u) << "payload and FIN";
}

TEST(IdleTimeout, AResetStaysBehindWhatIsOnItsWay) {
  Story story(IdleAction::reset);
  LinkConditions c = story.link.conditions();
  c.down.delay.time = 5min;
  story.link.apply(c, kBegin);
  story.admit(from_server(tcp_flag::kAck), Side::far, kBegin);
  story.admit(from_client(tcp_flag::kAck), Side::near, kBegin + 2min);
  story.run_until(kBegin + 10min);
  ASSERT_EQ(story.left.size(), 2u);
  EXPECT_EQ(story.left[0].bytes, from_server(tcp_flag::kAck).bytes);
  EXPECT_EQ(story.left[1].at, kBegin + 5min);
}

TEST(IdleTimeout, UdpIsOpenedAnewByTheSideThatOpenedIt) {
  Story story(IdleAction::reset);
  const Super question = plain(ipv4(kUdp, udp(1000, 53, Bytes(5, 1))));
  const Super answer = plain(reversed(ipv4(kUdp, udp(53, 1000, Bytes(5, 2)))));
  EXPECT_TRUE(story.passes(question, Side::near, kBegin));
  EXPECT_TRUE(story.passes(answer, Side::far, kBegin + 59s));
  EXPECT_FALSE(story.passes(answer, Side::far, kBegin + 3min)) << "also long after the table has forgotten the flow";
  EXPECT_TRUE(story.left.empty()) << "nothing resets UDP";
  EXPECT_TRUE(story.passes(question, Side::near, kBegin + 4min));
  EXPECT_TRUE(story.passes(answer, Side::far, kBegin + 4min));
}

TEST(IdleTimeout, EachDirectionHasItsOwn) {
  Story story(IdleAction::drop, false, true);
  story.passes(from_client(tcp_flag::kSyn), Side::near, kBegin);
  EXPECT_FALSE(story.passes(from_server(tcp_flag::kAck), Side::far, kBegin + 2min));
  EXPECT_TRUE(story.passes(from_client(tcp_flag::kAck), Side::near, kBegin + 2min));
  EXPECT_TRUE(story.passes(from_server(tcp_flag::kAck), Side::far, kBegin + 2min)) << "known again";
}

TEST(IdleTimeout, WhatWasThereBeforeIsKnownFromItsNextPacketOn) {
  Bench bench(1);
  bench.admit(from_client(tcp_flag::kSyn), Side::near, kBegin);
  LinkConditions c;
  c.up.idle_timeout = {1s, IdleAction::drop};
  bench.link.apply(c, kBegin + 1min);
  bench.admit(from_client(tcp_flag::kAck), Side::near, kBegin + 2min);
  bench.admit(from_client(tcp_flag::kAck), Side::near, kBegin + 3min);
  bench.release(kBegin + 3min);
  EXPECT_EQ(bench.left.size(), 2u);
}

TEST(IdleTimeout, TheLongestSilentMakesRoom) {
  IdleTimeout box(HashKey{1, 2});
  const IdleTimeoutSettings asked{1s, IdleAction::drop};
  box.reserve(asked, {});
  box.configure(asked, {});
  const auto refuses = [&](std::uint32_t n, TimePoint now) {
    Bytes bytes = from_client(tcp_flag::kAck).bytes;
    for (int i = 0; i < 4; ++i) bytes[static_cast<std::size_t>(16 + i)] = static_cast<std::uint8_t>(n >> (24 - 8 * i));
    PacketView view;
    parse_packet(bytes, view);
    return box.refuses(view, Side::near, now);
  };
  for (std::uint32_t n = 0; n <= IdleTimeout::kFlows; ++n) EXPECT_FALSE(refuses(n, kBegin));
  EXPECT_TRUE(refuses(1, kBegin + 2s));
  EXPECT_FALSE(refuses(0, kBegin + 2s)) << "unknown, as if never seen";
  EXPECT_FALSE(refuses(1, kBegin + 2s)) << "which took the place of the oldest";
}

}  // namespace
}  // namespace wobble
