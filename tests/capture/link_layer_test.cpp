// What stands before the IP packet, and IP packets of which a part is missing.
#include "daemon/capture/link_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/capture/captured_packet.h"
#include "tests/capture/capture_files.h"

namespace wobble::captures {
namespace {

using namespace packets;
using daemon::CapturedPacket;
using daemon::FrameContent;
using daemon::FramedPacket;

const Bytes kIp = ipv4(kTcp, tcp(40000, 80, 1, 2, tcp_flag::kAck, Bytes(100, 'x')));
const Bytes kIp6 = ipv6(kTcp, tcp(40000, 80, 1, 2, tcp_flag::kAck, Bytes(100, 'x')));

class LinkLayer : public testing::TestWithParam<Framing> {};

TEST_P(LinkLayer, ThePacketIsFoundBehindIt) {
  for (const Bytes& ip : {kIp, kIp6}) {
    Bytes header = GetParam().header;
    const Order host;
    if (ip == kIp6) {  // the same frame, of the other version
      for (std::size_t i = 0; i + 1 < header.size(); ++i) {
        if (header[i] == 0x08 && header[i + 1] == 0x00) header[i] = 0x86, header[i + 1] = 0xdd;
        if (header[i] == 0x00 && header[i + 1] == 0x21) header[i + 1] = 0x57;
      }
      if (GetParam().link_type == 0 || GetParam().link_type == 108) {
        for (std::uint8_t& byte : header) byte = byte == 2 ? 30 : byte;
      }
      if (GetParam().link_type == 228) continue;
    } else if (GetParam().link_type == 229) {
      continue;
    }
    FramedPacket framed;
    const Bytes frame = header + ip;
    ASSERT_EQ(find_packet(GetParam().link_type, frame, static_cast<std::uint32_t>(frame.size() + 6), framed),
              FrameContent::ip);
    EXPECT_EQ(Bytes(framed.bytes.begin(), framed.bytes.end()), ip);
    EXPECT_EQ(framed.original_length, ip.size() + 6);
    for (std::size_t n = 0; n <= header.size(); ++n) {  // cut off anywhere before the packet
      const auto result = find_packet(GetParam().link_type, std::span(frame).first(n), 2000, framed);
      EXPECT_TRUE(result == FrameContent::cut_off || result == FrameContent::other) << n;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(
    Kinds, LinkLayer,
    testing::Values(Framing{"ethernet", 1, kMacs + be16(0x0800)},
                    Framing{"vlan", 1, kMacs + be16(0x8100) + be16(0x2064) + be16(0x0800)},
                    Framing{"qinq", 1, kMacs + be16(0x88a8) + be16(100) + be16(0x8100) + be16(200) + be16(0x0800)},
                    Framing{"snap", 1, kMacs + be16(150) + Bytes{0xaa, 0xaa, 3, 0, 0, 0} + be16(0x0800)},
                    Framing{"pppoe", 1, kMacs + be16(0x8864) + Bytes{0x11, 0, 0, 1} + be16(142) + be16(0x0021)},
                    Framing{"cooked", 113, be16(4) + be16(1) + be16(6) + Bytes(8, 9) + be16(0x0800)},
                    Framing{"cooked_vlan", 113,
                            be16(4) + be16(1) + be16(6) + Bytes(8, 9) + be16(0x8100) + be16(5) + be16(0x0800)},
                    Framing{"cooked2", 276, be16(0x0800) + be16(0) + be32(3) + be16(1) + Bytes{4, 6} + Bytes(8, 9)},
                    Framing{"raw", 101, {}}, Framing{"raw_bsd", 12, {}}, Framing{"raw_openbsd", 14, {}},
                    Framing{"ipv4", 228, {}}, Framing{"ipv6", 229, {}}, Framing{"null_little", 0, {2, 0, 0, 0}},
                    Framing{"null_big", 0, {0, 0, 0, 2}}, Framing{"loop_big", 108, {0, 0, 0, 2}},
                    Framing{"loop_little", 108, {2, 0, 0, 0}}),
    [](const auto& framing) { return std::string(framing.param.name); });

TEST(LinkLayerOf, WhatIsNotIpOrNotKnown) {
  FramedPacket framed;
  const Bytes arp = kMacs + be16(0x0806) + Bytes(28, 0);
  EXPECT_EQ(find_packet(1, arp, 42, framed), FrameContent::other);
  EXPECT_EQ(find_packet(220, arp, 42, framed), FrameContent::unknown_link);
  EXPECT_EQ(find_packet(0, Bytes{7, 0, 0, 0} + kIp, 144, framed), FrameContent::other);
}

TEST(LinkLayerOf, TagsAreTold) {
  FramedPacket framed;
  const Bytes frame = kMacs + be16(0x88a8) + be16(0x6123) + be16(0x8100) + be16(0x0456) + be16(0x0800) + kIp;
  ASSERT_EQ(find_packet(1, frame, 200, framed), FrameContent::ip);
  EXPECT_EQ(framed.tags, 0x123456u);
}

TEST(CapturedPacketOf, OptionsThatWereCutOffAreMissedAndLengthsAreNot) {
  const Bytes whole = ipv4(kTcp, tcp(40000, 80, 5, 6, tcp_flag::kSyn, Bytes(1000, 'x'), {2, 4, 5, 0xb4}));
  daemon::PacketRestorer restorer;
  CapturedPacket packet;
  for (const std::size_t kept : {std::size_t{40}, std::size_t{43}, std::size_t{100}, whole.size()}) {
    ASSERT_EQ(restorer.read(std::span(whole).first(kept), 1500, packet), ParseError::none) << kept;
    EXPECT_EQ(packet.is_whole, kept == whole.size());
    EXPECT_EQ(packet.view.length, whole.size());
    EXPECT_EQ(packet.view.tcp.length, 1000u);
    EXPECT_EQ(packet.view.tcp.seq, 5u);
    EXPECT_EQ(parse_tcp_options(packet.view).mss, kept < 44 ? 0 : 1460);
  }
  for (const std::size_t kept : {0u, 19u, 20u, 39u}) {
    EXPECT_NE(restorer.read(std::span(whole).first(kept), 1500, packet), ParseError::none) << kept;
  }
}

TEST(CapturedPacketOf, PaddingOfTheFrameIsNoPayload) {
  const Bytes ack = ipv4(kTcp, tcp(40000, 80, 5, 6, tcp_flag::kAck)) + Bytes(6, 0);
  daemon::PacketRestorer restorer;
  CapturedPacket packet;
  ASSERT_EQ(restorer.read(ack, 46, packet), ParseError::none);
  EXPECT_EQ(packet.view.tcp.length, 0u);
}

TEST(CapturedPacketOf, ASuperPacketWithoutALengthHasTheFramesLength) {
  daemon::PacketRestorer restorer;
  CapturedPacket packet;
  for (const std::size_t payload : {std::size_t{30'000}, std::size_t{200'000}}) {
    for (const bool is_v6 : {false, true}) {
      const Bytes segment = tcp(40000, 80, 5, 6, tcp_flag::kAck, Bytes(payload, 'x'));
      Bytes super = is_v6 ? ipv6(kTcp, segment) : ipv4(kTcp, segment);
      super[is_v6 ? 4 : 2] = super[is_v6 ? 5 : 3] = 0;
      const auto length = static_cast<std::uint32_t>(super.size());
      ASSERT_EQ(restorer.read(super, length, packet), ParseError::none);
      EXPECT_EQ(packet.view.tcp.length, payload);
      EXPECT_EQ(packet.view.length, length);
      ASSERT_EQ(restorer.read(std::span(super).first(96), length, packet), ParseError::none);
      EXPECT_EQ(packet.view.tcp.length, payload);
    }
  }
}

}  // namespace
}  // namespace wobble::captures
