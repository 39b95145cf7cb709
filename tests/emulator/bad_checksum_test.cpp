// A TCP segment or ICMP message whose checksum was wrong before it came here: its receiver will discard it, so nothing
// is concluded from it; it is counted, and goes on as it is.
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/bench.h"
#include "tests/emulator/packets.h"

namespace {

using namespace wobble;
using namespace wobble::packets;
using namespace std::chrono_literals;
using super_packets::Super;

class BadChecksum : public ::testing::Test {
 protected:
  void send(Super super, Side side = Side::near) {
    if (side == Side::far)
      std::swap_ranges(super.bytes.begin() + 12, super.bytes.begin() + 16, super.bytes.begin() + 16);
    bench.admit(super, side, now += 1ms);
    bench.release(now);
  }
  void shake_hands() {
    send(plain(ipv4(kTcp, tcp(5000, 80, 100, 0, tcp_flag::kSyn))));
    send(plain(ipv4(kTcp, tcp(80, 5000, 500, 101, tcp_flag::kSyn | tcp_flag::kAck))), Side::far);
    send(plain(ipv4(kTcp, tcp(5000, 80, 101, 501, tcp_flag::kAck))));
  }
  /// A FIN whose checksum is one off.
  static Super damaged_fin() {
    Super super = plain(ipv4(kTcp, tcp(5000, 80, 101, 501, tcp_flag::kFin | tcp_flag::kAck)));
    super.bytes[37] ^= 1;
    return super;
  }
  ConnectionFigures figures() { return bench.link.connections().figures(1).value(); }
  std::size_t told() const { return bench.observer_.told.size(); }
  std::uint64_t counted(Direction d = Direction::up) {
    const LinkStats stats = bench.link.stats(now);
    return (d == Direction::up ? stats.up : stats.down).total.bad_checksum;
  }

  Bench bench{1};
  TimePoint now{1s};
};

TEST_F(BadChecksum, ChangesNoStateIsCountedAndForwardedAsItIs) {
  shake_hands();
  const std::size_t before = told();
  const Super fin = damaged_fin();
  bench.admit(fin, Side::near, now += 1ms);
  const auto out = bench.link.pop_due(Direction::up, now);
  ASSERT_TRUE(out);
  EXPECT_TRUE(std::ranges::equal(out->buffer.bytes(), fin.bytes));
  bench.link.complete(*out, Direction::up, true, now);
  EXPECT_EQ(told(), before);
  EXPECT_EQ(figures().tcp.bad_checksum, 1u);
  EXPECT_EQ(figures().client.packets_sent, 2u);
  EXPECT_EQ(counted(), 1u);
  EXPECT_EQ(counted(Direction::down), 0u);
  bench.expect_balance();
}

// The whole is one damaged segment, though its receiver sees that only when it has joined the fragments.
TEST_F(BadChecksum, ConcludesNothingWhereTheLinkCutsItIntoFragments) {
  LinkConditions conditions;
  conditions.up.mtu = {576, true};
  bench.link.apply(conditions, now);
  shake_hands();
  const std::size_t before = told(), left = bench.left.size();
  Super fin = plain(ipv4(kTcp, tcp(5000, 80, 101, 501, tcp_flag::kFin | tcp_flag::kAck, Bytes(1400, 7))));
  fin.bytes[37] ^= 1;
  send(fin);
  EXPECT_EQ(bench.left.size(), left + 3) << "fragments";
  EXPECT_EQ(told(), before);
  EXPECT_EQ(figures().tcp.bad_checksum, 1u);
  EXPECT_EQ(figures().client.packets_sent, 2u);
  EXPECT_EQ(counted(), 1u);
  bench.expect_balance();
}

TEST_F(BadChecksum, OfTheIpHeaderIsOneToo) {
  shake_hands();
  Super fin = plain(ipv4(kTcp, tcp(5000, 80, 101, 501, tcp_flag::kFin | tcp_flag::kAck)));
  fin.bytes[10] ^= 1;
  const std::size_t before = told();
  send(fin);
  EXPECT_EQ(told(), before);
  EXPECT_EQ(counted(), 1u);
}

// "Port unreachable", about a SYN that waits for its answer.
TEST_F(BadChecksum, OfAnIcmpErrorEndsNoAttempt) {
  const Bytes syn = plain(ipv4(kTcp, tcp(5000, 80, 100, 0, tcp_flag::kSyn))).bytes;
  send({syn, {}});
  const std::size_t before = told();
  const Bytes quoted(syn.begin(), syn.begin() + 28);
  Super error = plain(ipv4(kIcmp, Bytes{3, 3, 0, 0, 0, 0, 0, 0} + quoted));
  error.bytes[22] ^= 1;
  send(error, Side::far);
  EXPECT_EQ(told(), before);
  EXPECT_EQ(counted(Direction::down), 1u);
  error.bytes[22] ^= 1;
  send(error, Side::far);
  EXPECT_GT(told(), before);
  EXPECT_EQ(counted(Direction::down), 1u);
}

TEST_F(BadChecksum, IsNoneIfTheDeviceIsToCompleteIt) {
  shake_hands();
  Super partial = plain(ipv4(kTcp, tcp(5000, 80, 101, 501, tcp_flag::kAck | tcp_flag::kPsh, Bytes(10, 7))));
  PacketView view;
  ASSERT_EQ(parse_packet(partial.bytes, view), ParseError::none);
  write_partial_checksum(view, partial.bytes);
  send(partial);
  EXPECT_EQ(figures().tcp.bad_checksum, 0u);
  EXPECT_EQ(figures().client.payload_bytes, 10u);
}

TEST_F(BadChecksum, IsNotLookedForWhereTheKernelHasVerifiedIt) {
  shake_hands();
  Super fin = damaged_fin();
  fin.offload.is_checksum_verified = true;  // it would know better
  send(fin);
  EXPECT_EQ(figures().tcp.bad_checksum, 0u);
}

TEST_F(BadChecksum, OpensNoConnection) {
  Super syn = plain(ipv4(kTcp, tcp(5000, 80, 100, 0, tcp_flag::kSyn)));
  syn.bytes[36] ^= 0x80;
  send(syn);
  EXPECT_EQ(told(), 0u);
  EXPECT_EQ(bench.left.size(), 1u);
  EXPECT_EQ(counted(), 1u) << "also where no connection remembers it";
}

}  // namespace
