#include "emulator/packet/super_packet.h"

#include <gtest/gtest.h>

#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/super_packets.h"

namespace wobble {
namespace {

using super_packets::Bytes;
using super_packets::cut;
using super_packets::make;
using super_packets::Super;

TEST(SuperPacket, APlainPacketIsItsOnlySegment) {
  const Bytes bytes = packets::with_checksum(packets::ipv4(kTcp, packets::tcp(1, 2, 3, 4, tcp_flag::kAck, Bytes(100))));
  SuperPacket packet;
  ASSERT_EQ(SuperPacket::parse(bytes, {}, packet), ParseError::none);
  EXPECT_EQ(packet.count(), 1u);
  EXPECT_EQ(packet.segment(0).length, bytes.size());
  EXPECT_EQ(packet.wire_size(0, 1), bytes.size());
}

TEST(SuperPacket, EachSegmentLooksAsItWouldOnTheWire) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    const Super super =
        make(random, random() % 2, random() % 4 != 0, random() % 9000, static_cast<std::uint16_t>(1 + random() % 1448));
    const auto wire = cut(super);
    SuperPacket packet;
    ASSERT_EQ(SuperPacket::parse(super.bytes, super.offload, packet), ParseError::none);
    ASSERT_EQ(packet.count(), wire.size());
    std::size_t total = 0;
    for (std::uint32_t i = 0; i < packet.count(); ++i) {
      const PacketView seen = packet.segment(i);
      PacketView real;
      ASSERT_EQ(parse_packet(wire[i], real), ParseError::none);
      ASSERT_EQ(seen.length, real.length);
      ASSERT_EQ(seen.tcp.seq, real.tcp.seq);
      ASSERT_EQ(seen.tcp.length, real.tcp.length);
      ASSERT_EQ(seen.tcp.flags, real.tcp.flags);
      ASSERT_EQ(seen.destination_port, real.destination_port);
      total += real.length;
    }
    ASSERT_EQ(packet.wire_size(0, packet.count()), total);
  }
}

TEST(SuperPacket, RunsCutIntoTheSamePacketsAsTheWhole) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 2000; ++round) {
    const Super super = make(random, random() % 2, random() % 4 != 0, 1 + random() % 9000,
                             static_cast<std::uint16_t>(1 + random() % 1448));
    const auto wire = cut(super);
    SuperPacket packet;
    ASSERT_EQ(SuperPacket::parse(super.bytes, super.offload, packet), ParseError::none);
    std::vector<Bytes> again;
    for (std::uint32_t first = 0; first < packet.count();) {
      const auto n = static_cast<std::uint32_t>(1 + random() % (packet.count() - first));
      Super run{Bytes(packet.run_size(first, n)), {}};
      run.offload = packet.copy_run(first, n, run.bytes);
      SuperPacket reread;
      ASSERT_EQ(SuperPacket::parse(run.bytes, run.offload, reread), ParseError::none);
      ASSERT_EQ(reread.count(), n);
      for (Bytes& bytes : cut(run)) again.push_back(std::move(bytes));
      first += n;
    }
    ASSERT_EQ(again, wire);
  }
}

TEST(SuperPacket, ALoneSegmentCompletesItsChecksum) {
  std::mt19937_64 random(3);
  const Super super = make(random, false, true, 4000, 1000);
  SuperPacket packet;
  ASSERT_EQ(SuperPacket::parse(super.bytes, super.offload, packet), ParseError::none);
  Bytes single(packet.run_size(2, 1));
  Offload offload = packet.copy_run(2, 1, single);
  EXPECT_EQ(offload.kind, Offload::Kind::none);
  PacketView view;
  ASSERT_EQ(parse_packet(single, view), ParseError::none);
  EXPECT_FALSE(is_checksum_right(view));
  complete_checksum(view, single, offload);
  EXPECT_TRUE(is_checksum_right(view));
  EXPECT_EQ(offload, Offload{});
}

TEST(SuperPacket, HeadersThatLieAreRefused) {
  std::mt19937_64 random(4);
  const Super super = make(random, false, true, 4000, 1000);
  const auto parse = [&](auto&& change) {
    Offload offload = super.offload;
    change(offload);
    SuperPacket packet;
    return SuperPacket::parse(super.bytes, offload, packet);
  };
  EXPECT_EQ(parse([](Offload&) {}), ParseError::none);
  EXPECT_EQ(parse([](Offload& o) { o.segment_size = 0; }), ParseError::bad_offload);
  EXPECT_EQ(parse([](Offload& o) { o.kind = Offload::Kind::udp; }), ParseError::bad_offload);
  EXPECT_EQ(parse([](Offload& o) { o.needs_checksum = false; }), ParseError::bad_offload);
  EXPECT_EQ(parse([](Offload& o) { o.checksum_start += 2; }), ParseError::bad_offload);
  EXPECT_EQ(parse([](Offload& o) { o.checksum_offset = 0xffff; }), ParseError::bad_offload);
  EXPECT_EQ(parse([](Offload& o) { o.header_length = 9999; }), ParseError::none) << "the kernel's is only a hint";
}

}  // namespace
}  // namespace wobble
