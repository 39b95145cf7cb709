// What stands between the link and the packet: labels, tags, radio headers, and packets within packets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "daemon/capture/captured_packet.h"
#include "daemon/capture/tunnels.h"
#include "tests/capture/conversation.h"

namespace wobble::captures {
namespace {

using namespace packets;
using daemon::FrameContent;
using daemon::FramedPacket;
using testing::SizeIs;

const Bytes kInner = ipv4(kTcp, tcp(40000, 80, 1, 2, tcp_flag::kAck, Bytes(100, 'x')));
const Bytes kEthernetInner = kMacs + be16(0x0800) + kInner;

class MoreLinkLayers : public testing::TestWithParam<Framing> {};

TEST_P(MoreLinkLayers, ThePacketIsFoundBehindThem) {
  const Bytes& header = GetParam().header;
  const Bytes frame = header + kInner;
  FramedPacket framed;
  ASSERT_EQ(find_packet(GetParam().link_type, frame, static_cast<std::uint32_t>(frame.size() + 4), framed),
            FrameContent::ip);
  EXPECT_EQ(Bytes(framed.bytes.begin(), framed.bytes.end()), kInner);
  EXPECT_EQ(framed.original_length, kInner.size() + 4);
  for (std::size_t n = 0; n <= header.size(); ++n) {
    const auto result = find_packet(GetParam().link_type, std::span(frame).first(n), 2000, framed);
    EXPECT_NE(result, FrameContent::ip) << n;
  }
}

const Bytes kSnap = Bytes{0xaa, 0xaa, 3, 0, 0, 0} + be16(0x0800);
const Bytes kWifiData = Bytes{0x08, 0x01, 0, 0} + Bytes(18, 3) + Bytes{0x30, 0};
const Bytes kWifiQuality = Bytes{0x88, 0x02, 0, 0} + Bytes(20, 0) + Bytes{5, 0};

INSTANTIATE_TEST_SUITE_P(
    Kinds, MoreLinkLayers,
    testing::Values(
        Framing{"mpls", 1, kMacs + be16(0x8847) + Bytes{0, 1, 0, 64} + Bytes{0, 2, 1, 63}},
        Framing{"mpls_multicast_in_vlan", 1, kMacs + be16(0x8100) + be16(7) + be16(0x8848) + Bytes{0, 2, 1, 63}},
        Framing{"security_group", 1, kMacs + be16(0x8909) + Bytes{1, 1, 0, 1} + be16(77) + be16(0x0800)},
        Framing{"security_group_in_vlan", 1,
                kMacs + be16(0x8100) + be16(7) + be16(0x8909) + Bytes{1, 1, 0, 1} + be16(77) + be16(0x0800)},
        Framing{"pppoe_one_byte", 1, kMacs + be16(0x8864) + Bytes{0x11, 0, 0, 1} + be16(141) + Bytes{0x21}},
        Framing{"ppp", 9, Bytes{0xff, 3} + be16(0x0021)}, Framing{"ppp_bare", 9, be16(0x0021)},
        Framing{"ppp_hdlc", 50, Bytes{0xff, 3} + be16(0x0021)},
        Framing{"ppp_mpls", 50, Bytes{0xff, 3} + be16(0x0281) + Bytes{0, 2, 1, 63}},
        Framing{"pppoe_link", 51, Bytes{0x11, 0, 0, 1} + be16(142) + be16(0x0021)},
        Framing{"cisco_hdlc", 104, Bytes{0x0f, 0} + be16(0x0800)},
        Framing{"ppp_direction", 204, Bytes{1, 0xff, 3} + be16(0x0021)}, Framing{"wifi", 105, kWifiData + kSnap},
        Framing{"wifi_quality", 105, kWifiQuality + kSnap},
        Framing{"wifi_four_addresses", 105, Bytes{0x08, 0x03, 0, 0} + Bytes(26, 0) + kSnap},
        Framing{"wifi_order", 105, Bytes{0x88, 0x81, 0, 0} + Bytes(20, 0) + Bytes{5, 0} + Bytes(4, 1) + kSnap},
        Framing{"radiotap", 127, Bytes{0, 0, 8, 0, 0, 0, 0, 0} + kWifiData + kSnap},
        Framing{"radiotap_padded", 127,
                Bytes{0, 0, 17, 0, 3, 0, 0, 0} + Bytes(8, 0) + Bytes{0x20} + kWifiQuality + Bytes(2, 0) + kSnap},
        Framing{"prism", 119, Bytes{0x44, 0, 0, 0, 144, 0, 0, 0} + Bytes(136, 0) + kWifiData + kSnap},
        Framing{"avs", 163, Bytes{0x80, 0x21, 0x10, 1, 0, 0, 0, 64} + Bytes(56, 0) + kWifiData + kSnap},
        Framing{"ppi", 192, Bytes{0, 0, 8, 0, 105, 0, 0, 0} + kWifiData + kSnap},
        Framing{"nflog", 239, Bytes{2, 0, 0, 5} + Bytes{5, 0, 10, 0, 'x', 0, 0, 0} + Bytes{144, 0, 9, 0}},
        Framing{"nflog_big", 239, Bytes{2, 0, 0, 5} + Bytes{0, 5, 0, 10, 'x', 0, 0, 0} + Bytes{0, 144, 0, 9}}),
    [](const auto& framing) { return std::string(framing.param.name); });

TEST(UnreadKinds, AreNamed) {
  const auto kind_of = [](std::uint16_t link, const Bytes& frame) {
    FramedPacket framed;
    EXPECT_EQ(find_packet(link, frame, 2000, framed), FrameContent::other);
    return framed.unread.name();
  };
  const Bytes rest(60, 0);
  EXPECT_EQ(kind_of(1, kMacs + be16(0x0806) + rest), "ARP");
  EXPECT_EQ(kind_of(1, kMacs + be16(0x88e5) + rest), "MACsec");
  EXPECT_EQ(kind_of(1, kMacs + be16(0x1234) + rest), "EtherType 0x1234");
  EXPECT_EQ(kind_of(1, kMacs + be16(38) + Bytes{0x42, 0x42, 3} + rest), "spanning tree");
  EXPECT_EQ(kind_of(1, kMacs + be16(0x8847) + Bytes{0, 2, 1, 63} + rest), "MPLS pseudowire");
  EXPECT_EQ(kind_of(9, be16(0xc021) + rest), "PPP 0xc021");
  EXPECT_EQ(kind_of(105, Bytes{0x80, 0} + rest), "802.11 management");
  EXPECT_EQ(kind_of(105, Bytes{0x08, 0x41} + rest), "802.11, encrypted");
  EXPECT_EQ(kind_of(105, Bytes{0x48, 0x01} + rest), "802.11 without data");
  EXPECT_EQ(kind_of(239, Bytes{7, 0, 0, 0, 64, 0, 9, 0} + rest), "NFLOG of another family");
}

/// What carries `inner` to port `port`.
Bytes in_udp(std::uint16_t port, const Bytes& inner) { return ipv4(kUdp, udp(5555, port, inner)); }

struct Tunnel {
  const char* name;
  std::function<Bytes(const Bytes&)> around;  ///< an IP packet
};
const Tunnel kTunnels[] = {
    {"ipip", [](const Bytes& ip) { return ipv4(4, ip); }},
    {"ip_in_ipv6", [](const Bytes& ip) { return ipv6(4, ip); }},
    {"gre", [](const Bytes& ip) { return ipv4(47, be16(0) + be16(0x0800) + ip); }},
    {"gre_all", [](const Bytes& ip) { return ipv4(47, be16(0xb000) + be16(0x0800) + Bytes(12, 1) + ip); }},
    {"gre_ethernet",
     [](const Bytes& ip) { return ipv4(47, be16(0x2000) + be16(0x6558) + be32(9) + kMacs + be16(0x0800) + ip); }},
    {"pptp", [](const Bytes& ip) { return ipv4(47, be16(0x3081) + be16(0x880b) + Bytes(12, 0) + be16(0x0021) + ip); }},
    {"erspan1", [](const Bytes& ip) { return ipv4(47, be16(0) + be16(0x88be) + kMacs + be16(0x0800) + ip); }},
    {"erspan2",
     [](const Bytes& ip) {
       return ipv4(47, be16(0x1000) + be16(0x88be) + be32(1) + Bytes(8, 1) + kMacs + be16(0x0800) + ip);
     }},
    {"vxlan",
     [](const Bytes& ip) {
       return in_udp(4789, Bytes{8, 0, 0, 0, 0, 0, 7, 0} + kMacs + be16(0x0800) + ip);
     }},
    {"vxlan_linux",
     [](const Bytes& ip) {
       return in_udp(8472, Bytes{8, 0, 0, 0, 0, 0, 7, 0} + kMacs + be16(0x0800) + ip);
     }},
    {"geneve",
     [](const Bytes& ip) {
       return in_udp(6081, Bytes{1, 0} + be16(0x6558) + be32(7) + Bytes(4, 1) + kMacs + be16(0x0800) + ip);
     }},
    {"gtp",
     [](const Bytes& ip) {
       return in_udp(2152, Bytes{0x30, 255} + be16(100) + be32(7) + ip);
     }},
    {"gtp_extended",
     [](const Bytes& ip) {
       return in_udp(2152, Bytes{0x34, 255} + be16(100) + be32(7) + Bytes{0, 0, 0, 0x85, 1, 0, 0, 0} + ip);
     }},
};

TEST(Tunnels, TheConnectionWithinIsFollowedAndThePacketCountedOnce) {
  for (const Tunnel& tunnel : kTunnels) {
    std::vector<Captured> packets = orderly();
    for (Captured& one : packets) one.packet = tunnel.around(one.packet);
    const Analysed result = analyse(raw_pcap(packets), daemon::Checksums::ignore);
    ASSERT_THAT(result.connections, SizeIs(1)) << tunnel.name;
    EXPECT_EQ(result.story(), kOrderlyStory) << tunnel.name;
    EXPECT_EQ(result.counts.tunnelled, 10u) << tunnel.name;
    EXPECT_EQ(result.counts.packets, 10u) << tunnel.name;
    EXPECT_EQ(result.connections[0].row.client.figures.payload_bytes, 10u) << tunnel.name;
  }
}

TEST(Tunnels, WithinEachOtherAndCutOffByTheCapture) {
  std::vector<Captured> packets = orderly();
  for (Captured& one : packets)
    one.packet = ipv4(
        47, be16(0) + be16(0x0800) + in_udp(4789, Bytes{8, 0, 0, 0, 0, 0, 7, 0} + kMacs + be16(0x0800) + one.packet));
  const std::size_t headers = 20 + 4 + 28 + 8 + 14 + 40;
  const Analysed result = analyse(raw_pcap(packets, headers));
  ASSERT_THAT(result.connections, SizeIs(1));
  EXPECT_EQ(result.story(), kOrderlyStory);
  EXPECT_EQ(result.connections[0].row.client.figures.payload_bytes, 10u);
}

TEST(Tunnels, WhatHoldsNoPacketIsTheOuterOne) {
  const Bytes arp = kMacs + be16(0x0806) + Bytes(28, 0);
  std::vector<Captured> packets;
  for (const Bytes& packet : {in_udp(4789, Bytes{8, 0, 0, 0, 0, 0, 7, 0} + arp), in_udp(4789, Bytes(50, 'x')),
                              in_udp(4789, Bytes{8, 0, 0, 0, 0, 0, 7, 0} + kMacs + be16(0x0800) + Bytes(30, 0x77)),
                              in_udp(2152, Bytes(8, 0x30))})
    packets.push_back({packet, static_cast<std::int64_t>(packets.size()) * 2 * kMillisecond});
  const Analysed result = analyse(raw_pcap(packets), daemon::Checksums::ignore);
  ASSERT_THAT(result.connections, SizeIs(2));
  EXPECT_EQ(result.connections[0].row.protocol, kUdp);
  EXPECT_EQ(result.connections[0].row.client.figures.packets_sent, 3u);
  EXPECT_EQ(result.counts.tunnelled, 0u);
  EXPECT_EQ(result.counts.unreadable, 0u);
}

TEST(Tunnels, EveryPrefixOfATunnelledPacketIsReadWithoutHarm) {
  for (const Tunnel& tunnel : kTunnels) {
    const Bytes whole = tunnel.around(kInner);
    for (std::size_t n = 0; n <= whole.size(); ++n) {
      FramedPacket framed, inner;
      ASSERT_TRUE(n == 0 || find_packet(101, std::span(whole).first(n), 2000, framed) == FrameContent::ip);
      daemon::PacketRestorer restorer;
      daemon::CapturedPacket packet;
      if (n == 0 || restorer.read(framed.bytes, framed.original_length, packet) != ParseError::none) continue;
      const bool is_one = enter_tunnel(packet.view, framed, inner);
      EXPECT_TRUE(!is_one || inner.bytes.size() <= framed.bytes.size());
    }
  }
}

}  // namespace
}  // namespace wobble::captures
