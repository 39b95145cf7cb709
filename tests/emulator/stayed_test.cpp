// What stays in the kernel is told as if it had come to the link and left at once: to the row, whatever the traffic is.
#include <random>

#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/bench.h"

namespace {

using namespace wobble;
using namespace wobble::packets;
using namespace std::chrono_literals;
using super_packets::Super;

/// Connections that open, carry data both ways in wire packets and super-packets, and close; and now and then anything.
class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : random_(seed) {}

  struct Packet {
    Super super;
    Side side;
  };
  Packet next() {
    const Side side = random_() % 2 == 0 ? Side::near : Side::far;
    const std::uint64_t kind = random_() % 40;
    if (kind == 0) return {between(side, kUdp, udp(5000, 53, Bytes(random_() % 1400, 7))), side};
    if (kind == 1) return {between(side, kIcmp, icmp_echo(8, 9, Bytes(20, 1))), side};
    if (kind == 2) return {fragment(side), side};
    Packet packet{segment(side), side};
    if (kind == 3 && packet.super.offload.kind == Offload::Kind::none) packet.super.bytes.back() ^= 1;
    return packet;
  }

 private:
  struct Ends {
    std::uint32_t next[2] = {0xffff'f000, 77};  // of near and far: one of them wraps
  };

  Super between(Side from, std::uint8_t protocol, const Bytes& body, std::uint16_t fragment = 0) {
    const bool is_v6 = protocol == kTcp && random_() % 3 == 0;
    Bytes bytes = is_v6 ? ipv6(protocol, body) : ipv4(protocol, body, fragment);
    if (from == Side::far) {
      const auto at = bytes.begin() + (is_v6 ? 8 : 12);
      std::swap_ranges(at, at + (is_v6 ? 16 : 4), at + (is_v6 ? 16 : 4));
    }
    if (!is_v6) write_ipv4_header_checksum(bytes);
    return {fragment == 0 ? with_checksum(std::move(bytes)) : std::move(bytes), {}};
  }

  Super fragment(Side side) { return between(side, kUdp, Bytes(64, 3), random_() % 2 == 0 ? 0x2000 : 8); }

  Super segment(Side side) {
    const auto port = static_cast<std::uint16_t>(40000 + random_() % 4);
    Ends& ends = ends_[port - 40000];
    const auto mine = static_cast<std::size_t>(side);
    std::uint32_t seq = ends.next[mine];
    const std::uint32_t ack = ends.next[1 - mine];
    std::uint16_t flags = tcp_flag::kAck;
    std::size_t payload = 0;
    switch (random_() % 20) {
      case 0: flags = side == Side::near ? tcp_flag::kSyn : tcp_flag::kSyn | tcp_flag::kAck; break;
      case 1: flags |= tcp_flag::kFin; break;
      case 2: flags = tcp_flag::kRst; break;
      case 3: seq -= static_cast<std::uint32_t>(random_() % 3000), payload = random_() % 1448; break;  // again
      case 4: seq += static_cast<std::uint32_t>(random_() % 3000); break;                              // a gap
      case 5: payload = 1; break;
      default: payload = random_() % 2 == 0 ? random_() % 1448 : random_() % 60'000; break;
    }
    const bool is_near = side == Side::near;
    Super super =
        between(side, kTcp, tcp(is_near ? port : 80, is_near ? 80 : port, seq, ack, flags, Bytes(payload, 7)));
    ends.next[mine] = seq + static_cast<std::uint32_t>(payload) + ((flags & 3) != 0 ? 1 : 0);
    if (payload > 1448) make_super(super);
    return super;
  }

  static void make_super(Super& super) {
    PacketView view;
    ASSERT_EQ(parse_packet(super.bytes, view), ParseError::none);
    write_partial_checksum(view, super.bytes);
    super.offload.kind = Offload::Kind::tcp;
    super.offload.needs_checksum = true;
    super.offload.segment_size = 1448;
    super.offload.checksum_start = view.transport_offset;
    super.offload.checksum_offset = 16;
  }

  std::mt19937_64 random_;
  Ends ends_[4];
};

/// As the ring has it: of a super-packet nothing behind its headers.
void stay(Link& link, const Traffic::Packet& packet, TimePoint now) {
  Bytes bytes = packet.super.bytes;
  if (packet.super.offload.kind == Offload::Kind::tcp && bytes.size() > 208) {
    std::fill(bytes.begin() + 208, bytes.end(), std::uint8_t{0xee});
  }
  link.stayed(bytes, packet.super.offload.segment_size, packet.side, now);
}

void expect_same(const DirectionCounters& a, const DirectionCounters& b) {
  EXPECT_EQ(a.packets_in, b.packets_in);
  EXPECT_EQ(a.bytes_in, b.bytes_in);
  EXPECT_EQ(a.packets_out, b.packets_out);
  EXPECT_EQ(a.bytes_out, b.bytes_out);
  EXPECT_EQ(a.bad_checksum, b.bad_checksum);
  EXPECT_EQ(a.dropped, b.dropped);
  EXPECT_EQ(a.reordering.packets, b.reordering.packets);
  EXPECT_EQ(a.reordering.reordered, b.reordering.reordered);
  EXPECT_EQ(a.delay.count(), b.delay.count());
  EXPECT_EQ(a.lateness.count(), b.lateness.count());
}

TEST(Stayed, IsToldAsIfItHadComeAndLeftAtOnce) {
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    SCOPED_TRACE(seed);
    Traffic traffic(seed);
    std::mt19937_64 random(seed);
    Bench user(1), kernel(1);
    TimePoint now = kBegin;
    for (int i = 0; i < 500; ++i) {
      now += Duration(static_cast<std::int64_t>(random() % 3'000'000));
      if (random() % 50 == 0) now += std::chrono::seconds(random() % 100);
      user.run_until(now), kernel.run_until(now);
      const Traffic::Packet packet = traffic.next();
      user.admit(packet.super, packet.side, now);
      user.release(now);
      // Some come up, as when there is no room in the ring.
      if (random() % 10 == 0) {
        kernel.admit(packet.super, packet.side, now);
      } else {
        ASSERT_TRUE(kernel.link.asks_nothing(direction_from(packet.side)));
        stay(kernel.link, packet, now);
      }
      kernel.release(now);
    }
    ASSERT_EQ(user.observer_.told, kernel.observer_.told);
    EXPECT_GT(user.observer_.told.size(), 100u) << "or nothing was compared";
    for (ConnectionId id = 1; id < 300; ++id) {
      EXPECT_EQ(user.link.connections().figures(id), kernel.link.connections().figures(id)) << id;
    }
    const LinkStats a = user.link.stats(now), b = kernel.link.stats(now);
    expect_same(a.up.total, b.up.total);
    expect_same(a.down.total, b.down.total);
    EXPECT_EQ(a.connections, b.connections);
  }
}

TEST(Stayed, IsAllowedOnlyWhereNothingIsToHappen) {
  Bench bench(1);
  EXPECT_TRUE(bench.link.asks_nothing(Direction::up));
  LinkConditions conditions;
  conditions.up.delay.time = 10ms;
  bench.link.apply(conditions, kBegin);
  EXPECT_FALSE(bench.link.asks_nothing(Direction::up));
  EXPECT_TRUE(bench.link.asks_nothing(Direction::down)) << "each direction by itself";
  bench.admit(datagram(10), Side::near, kBegin);
  bench.link.apply(LinkConditions{}, kBegin + 1ms);
  EXPECT_FALSE(bench.link.asks_nothing(Direction::up)) << "a packet is in flight that must not be overtaken";
  bench.run_until(kBegin + 10ms);
  EXPECT_TRUE(bench.link.asks_nothing(Direction::up));
  conditions = {};
  conditions.down.idle_timeout.time = 1s;
  bench.link.apply(conditions, kBegin + 20ms);
  EXPECT_FALSE(bench.link.asks_nothing(Direction::up)) << "what forgets connections sees both directions";
  conditions = {};
  conditions.scenario = {ScenarioStep{1s}, ScenarioStep{1s}};
  bench.link.apply(conditions, kBegin + 20ms);
  EXPECT_FALSE(bench.link.asks_nothing(Direction::up)) << "a step may come any moment";
}

TEST(Stayed, CountsWhatCannotBeRead) {
  Bench bench(1);
  bench.link.stayed(Bytes(30, 0xff), 0, Side::near, kBegin);
  const LinkStats stats = bench.link.stats(kBegin);
  EXPECT_EQ(stats.up.total.packets_in, 1u);
  EXPECT_EQ(stats.up.total.packets_out, 1u) << "it went on all the same";
  bench.expect_balance();
}

}  // namespace
