// What the tracker makes of captures: plain ones, and those that are truncated, in disorder, doubled, damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "emulator/packet/packet_checksum.h"
#include "tests/capture/conversation.h"

namespace wobble::captures {
namespace {

using namespace tcp_flag;
using daemon::Checksums;
using testing::SizeIs;

TEST(Analysis, AWholeConnection) {
  const Analysed result = analyse(raw_pcap(orderly()));
  ASSERT_THAT(result.connections, SizeIs(1));
  EXPECT_EQ(result.story(), kOrderlyStory);
  const api::ConnectionRow& row = result.connections[0].row;
  EXPECT_EQ(row.client.endpoint.address.to_string(), "10.77.0.1");
  EXPECT_EQ(row.client.endpoint.port, 40000);
  EXPECT_EQ(row.client_side, Side::near);
  EXPECT_EQ(row.end, End::orderly);
  EXPECT_EQ(row.closed_by, ClosedBy::client);
  EXPECT_FALSE(row.midstream);
  EXPECT_EQ(row.opened_at, kBegin);
  EXPECT_EQ(row.closed_at, kBegin + 9 * kMillisecond);
  EXPECT_EQ(row.initial_rtt, Duration(2 * kMillisecond));
  EXPECT_EQ(row.client.figures.payload_bytes, 10u);
  EXPECT_EQ(row.client.figures.packets_sent, 6u);
  EXPECT_EQ(row.client.figures.packets_delivered, 6u);
  EXPECT_EQ(row.server.figures.bytes_sent, 4 * 40u + 10);
  EXPECT_EQ(result.connections[0].transitions[1].at, kBegin + kMillisecond);
}

TEST(Analysis, WhoIsClientDoesNotHangOnTheOrderOfAddresses) {
  std::vector<Captured> packets = orderly();
  for (Captured& one : packets) {
    std::swap_ranges(one.packet.begin() + 12, one.packet.begin() + 16, one.packet.begin() + 16);
  }
  const Analysed result = analyse(raw_pcap(packets));
  EXPECT_EQ(result.story(), kOrderlyStory);
  EXPECT_EQ(result.connections.at(0).row.client.endpoint.address.to_string(), "10.77.1.1");
  EXPECT_EQ(result.connections.at(0).row.client_side, Side::near);
}

TEST(Analysis, TruncatedToTheHeadersAloneTellsTheSame) {
  const Analysed whole = analyse(raw_pcap(orderly()));
  const Analysed cut = analyse(raw_pcap(orderly(), 40));
  EXPECT_EQ(cut.story(), kOrderlyStory);
  EXPECT_EQ(cut.connections.at(0).row.client.figures, whole.connections.at(0).row.client.figures);
  EXPECT_EQ(cut.counts.truncated, 2u);
  EXPECT_EQ(analyse(raw_pcap(orderly(), 39)).counts.unreadable, 10u);
}

TEST(Analysis, FramesOutOfOrderAreSortedByTheirTimes) {
  std::vector<Captured> packets = orderly();
  std::swap(packets[0], packets[1]);
  std::swap(packets[8], packets[9]);
  std::swap(packets[3], packets[6]);
  const Analysed result = analyse(raw_pcap(packets));
  EXPECT_EQ(result.story(), kOrderlyStory);
  EXPECT_FALSE(result.connections.at(0).row.midstream);
}

TEST(Analysis, TimesThatLieAboutTheOrderStillEndRight) {
  for (const auto& [a, b] : {std::pair(0, 1), std::pair(1, 2), std::pair(8, 9), std::pair(6, 7)}) {
    std::vector<Captured> packets = orderly();
    std::swap(packets[static_cast<std::size_t>(a)].packet, packets[static_cast<std::size_t>(b)].packet);
    const Analysed result = analyse(raw_pcap(packets));
    ASSERT_THAT(result.connections, SizeIs(1)) << a;
    const api::ConnectionRow& row = result.connections[0].row;
    EXPECT_EQ(row.client.state, TcpState::time_wait) << a << ": " << result.story();
    EXPECT_EQ(row.server.state, TcpState::closed) << a << ": " << result.story();
    EXPECT_EQ(row.end, End::orderly) << a;
    EXPECT_FALSE(row.midstream) << a;
    EXPECT_EQ(result.connections[0].transitions.size(), 10u) << a << ": " << result.story();
  }
}

TEST(Analysis, FramesSeenTwiceAreNoRetransmissions) {
  std::vector<Captured> packets;
  for (const Captured& one : orderly()) {
    packets.push_back(one);
    Captured again = one;
    again.at += 200'000;
    again.packet[8] = 63;  // routed in between
    write_ipv4_header_checksum(again.packet);
    packets.push_back(again);
  }
  const Analysed result = analyse(raw_pcap(packets));
  EXPECT_EQ(result.story(), kOrderlyStory);
  EXPECT_EQ(result.counts.second_views, 10u);
  EXPECT_EQ(result.connections.at(0).row.client.figures.retransmissions, 0u);
  EXPECT_EQ(result.connections.at(0).row.client.figures.packets_sent, 6u);
}

// As a capture on both sides of a router has it, or of a link that delays.
TEST(Analysis, ARoutedCopyIsASecondViewThoughItIsLate) {
  for (const std::uint8_t hops : {std::uint8_t{63}, std::uint8_t{64}}) {
    std::vector<Captured> packets;
    for (Captured one : orderly()) {
      one.at *= 10;
      packets.push_back(one);
      one.at += 4 * kMillisecond;
      one.packet[8] = hops;
      write_ipv4_header_checksum(one.packet);
      packets.push_back(one);
    }
    const Analysed result = analyse(raw_pcap(packets));
    EXPECT_EQ(result.counts.second_views, hops == 63 ? 10u : 0u);
    EXPECT_EQ(result.story(), kOrderlyStory);
    const api::ConnectionRow& row = result.connections.at(0).row;
    EXPECT_EQ(row.client.figures.retransmissions > 0, hops == 64);
  }
}

// A capture on "any" of a bridge, where nothing but its interface tells the second view of an acknowledgement.
TEST(Analysis, CookedFramesSeenOnTwoInterfacesAreNoDuplicateAcknowledgements) {
  const Order o;
  const auto seen_on = [](std::uint8_t interface, bool goes, const Bytes& packet) {
    return Bytes{8, 0, 0, 0, 0, 0, 0, interface, 0, 1, static_cast<std::uint8_t>(goes ? 4 : 0), 6} + Bytes(8, 2) +
           packet;
  };
  for (const bool is_other_interface : {true, false}) {
    Bytes file = pcap_header(o, 0xa1b23c4d, 276);
    for (Captured one : orderly()) {
      one.packet[4] = one.packet[5] = 0;  // not identified
      const auto at = static_cast<std::uint32_t>(one.at);
      file = file + pcap_frame(o, 1, at, seen_on(3, false, one.packet)) +
             pcap_frame(o, 1, at + 50'000, seen_on(is_other_interface ? 4 : 3, !is_other_interface, one.packet));
    }
    const Analysed result = analyse(file, Checksums::ignore);
    EXPECT_EQ(result.story(), kOrderlyStory);
    EXPECT_EQ(result.counts.second_views, 10u);
    EXPECT_EQ(result.connections.at(0).row.client.figures.packets_sent, 6u);
  }
}

TEST(Analysis, TheSamePacketLaterIsARetransmission) {
  std::vector<Captured> packets = orderly();
  packets.insert(packets.begin() + 4, {packets[3].packet, packets[3].at + 1'000'000});
  for (std::size_t i = 5; i < packets.size(); ++i) packets[i].at += kMillisecond;
  const Analysed result = analyse(raw_pcap(packets));
  EXPECT_EQ(result.counts.second_views, 0u);
  EXPECT_EQ(result.connections.at(0).row.client.figures.retransmissions, 1u);
}

TEST(Analysis, EveryRstIsAmongTheClosesAlsoBehindTheEnd) {
  std::vector<Captured> packets = orderly();
  packets.resize(4);
  Conversation c;
  const auto add = [&](Bytes packet) { packets.push_back({std::move(packet), packets.back().at + kMillisecond}); };
  add(c.server(kRst, 501, 0));
  add(c.client(kAck, 111, 501));
  add(c.server(kRst, 501, 0));
  add(c.client(kRst | kAck, 111, 501));
  const Analysed result = analyse(raw_pcap(packets));
  ASSERT_THAT(result.connections, SizeIs(1));
  const api::ConnectionRow& row = result.connections[0].row;
  EXPECT_EQ(row.end, End::reset);
  EXPECT_EQ(row.closed_by, ClosedBy::server);
  ASSERT_THAT(row.closes, SizeIs(3)) << result.story();
  EXPECT_EQ(row.closes[2].side, Role::client);
  EXPECT_EQ(row.client.figures.packets_sent + row.server.figures.packets_sent, packets.size());
}

TEST(Analysis, DamageIsToldAfterWhatStoodBeforeIt) {
  Bytes file = raw_pcap(orderly());
  file.resize(file.size() - 3);
  const Analysed result = analyse(file);
  EXPECT_EQ(result.error, "a frame is cut off");
  ASSERT_THAT(result.connections, SizeIs(1));
  EXPECT_EQ(result.connections[0].transitions.size(), 8u);
  EXPECT_EQ(result.connections[0].row.end, End::open);
  EXPECT_EQ(result.connections[0].row.closed_at, std::nullopt);
}

TEST(Analysis, AFinInAFragmentedSegment) {
  Conversation c;
  std::vector<Captured> packets = orderly();
  const Bytes fin = c.client(kFin | kAck, 111, 511, Bytes(60, 'z'));
  const auto fragment = [&](std::size_t from, std::size_t to, std::uint16_t field) {
    Bytes piece(fin.begin(), fin.begin() + 20);
    piece = piece + Bytes(fin.begin() + 20 + static_cast<std::ptrdiff_t>(from),
                          fin.begin() + 20 + static_cast<std::ptrdiff_t>(to));
    piece[2] = 0;
    piece[3] = static_cast<std::uint8_t>(piece.size());
    piece[4] = 9;
    piece[6] = static_cast<std::uint8_t>(field >> 8);
    piece[7] = static_cast<std::uint8_t>(field);
    write_ipv4_header_checksum(piece);
    return piece;
  };
  packets.resize(6);
  packets.push_back({fragment(40, 80, 5), 6 * kMillisecond});  // the last first
  packets.push_back({fragment(0, 40, 0x2000), 7 * kMillisecond});
  packets.push_back({c.server(kAck, 511, 172), 8 * kMillisecond});
  const Analysed result = analyse(raw_pcap(packets));
  ASSERT_THAT(result.connections, SizeIs(1));
  EXPECT_EQ(result.counts.fragments, 2u);
  EXPECT_EQ(result.connections[0].row.client.figures.packets_sent, 6u) << "each fragment is one";
  EXPECT_EQ(result.connections[0].row.client.state, TcpState::fin_wait_2);
  EXPECT_EQ(result.connections[0].row.server.state, TcpState::close_wait);
  EXPECT_EQ(result.connections[0].row.client.figures.payload_bytes, 70u);
}

// As the link counts them live, also those of a datagram that is never whole.
TEST(Analysis, EachFragmentIsAPacketOfItsFlow) {
  std::vector<Captured> packets;
  const Bytes datagram = packets::udp(5353, 53, Bytes(72, 'd'));  // 80 bytes
  for (const bool is_whole : {true, false}) {
    for (std::size_t from = 0; from < (is_whole ? 80u : 40u); from += 40) {
      const auto begin = datagram.begin() + static_cast<std::ptrdiff_t>(from);
      Bytes piece = packets::ipv4(kUdp, Bytes(begin, begin + 40), static_cast<std::uint16_t>(from == 0 ? 0x2000 : 5));
      piece[5] = is_whole ? 1 : 2;
      write_ipv4_header_checksum(piece);
      packets.push_back({piece, static_cast<std::int64_t>(packets.size()) * kMillisecond});
    }
  }
  const Analysed result = analyse(raw_pcap(packets));
  ASSERT_THAT(result.connections, SizeIs(1));
  const EndpointFigures& sent = result.connections[0].row.client.figures;
  EXPECT_EQ(sent.packets_sent, 3u);
  EXPECT_EQ(sent.packets_delivered, 3u);
  EXPECT_EQ(sent.bytes_sent, 180u);
  EXPECT_EQ(result.counts.fragments, 3u);
  EXPECT_EQ(result.counts.packets, 3u);
}

TEST(Analysis, FlowsBesideTheConnections) {
  std::vector<Captured> packets = orderly();
  const Bytes query = packets::with_checksum(packets::ipv4(kUdp, packets::udp(5353, 53, Bytes(20, 'd'))));
  packets.push_back({query, 3 * kMillisecond});
  const Analysed result = analyse(raw_pcap(packets), Checksums::ignore);
  ASSERT_THAT(result.connections, SizeIs(2));
  EXPECT_EQ(result.connections[1].row.protocol, kUdp);
  EXPECT_EQ(result.connections[1].row.client.figures.packets_sent, 1u);
}

TEST(Analysis, TimersRunOutByTheCapturesClock) {
  std::vector<Captured> packets = orderly();
  packets.push_back({Conversation(40001).client(kSyn, 1, 0), 200'000 * kMillisecond});
  const Analysed result = analyse(raw_pcap(packets));
  ASSERT_THAT(result.connections, SizeIs(2));
  EXPECT_EQ(result.story(), std::string(kOrderlyStory) + ", client CLOSED 27");
  const std::int64_t closed = result.connections[0].transitions.back().at - kBegin;
  EXPECT_GE(closed, 60'009 * kMillisecond);
  EXPECT_LT(closed, 60'300 * kMillisecond);
}

TEST(Analysis, MoreConnectionsThanTheTableHoldsAreAllTold) {
  std::vector<Captured> packets;
  for (std::uint16_t i = 0; i < 500; ++i) {
    for (Captured one : orderly(Conversation(static_cast<std::uint16_t>(20000 + i)))) {
      one.at += i * 20 * kMillisecond;
      packets.push_back(one);
    }
  }
  const Analysed result = analyse(raw_pcap(packets), Checksums::automatic, 64);
  ASSERT_THAT(result.connections, SizeIs(500));
  std::vector<std::uint64_t> ids;
  for (std::size_t i = 0; i < 500; ++i) {
    EXPECT_EQ(result.connections[i].row.end, End::orderly);
    ids.push_back(result.connections[i].row.id);
  }
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

// ------------------------------------------------------------------------------------------------- checksums

/// The client's FIN damaged on its way, and then right.
std::vector<Captured> one_bad() {
  std::vector<Captured> packets = orderly();
  Captured bad = packets[6];  // the client's FIN
  bad.packet[4] = 77;
  write_ipv4_header_checksum(bad.packet);
  bad.packet[36] ^= 0x55;  // its checksum
  bad.at -= 500'000;
  packets.insert(packets.begin() + 6, bad);
  return packets;
}

TEST(AnalysisChecksums, ABadOneCountsForNothing) {
  for (const Checksums mode : {Checksums::verify, Checksums::automatic}) {
    const Analysed result = analyse(raw_pcap(one_bad()), mode);
    EXPECT_EQ(result.counts.bad_checksums, 1u);
    EXPECT_EQ(result.story(), kOrderlyStory);
    EXPECT_EQ(result.connections.at(0).transitions[4].at, kBegin + 6 * kMillisecond);
    EXPECT_EQ(result.connections.at(0).row.client.figures.retransmissions, 0u);
    EXPECT_EQ(result.connections.at(0).row.client.figures.packets_sent, 6u);
    EXPECT_EQ(result.connections.at(0).row.tcp.bad_checksum, 1u);
    EXPECT_EQ(result.connections.at(0).row.tcp.history.text(), "ShADdCFaf");
  }
  const Analysed ignored = analyse(raw_pcap(one_bad()), Checksums::ignore);
  EXPECT_EQ(ignored.counts.bad_checksums, 0u);
  EXPECT_EQ(ignored.connections.at(0).row.client.figures.retransmissions, 1u);
}

TEST(AnalysisChecksums, ADirectionThatWasCapturedBeforeItWasSummedIsBelieved) {
  std::vector<Captured> packets = orderly();
  for (Captured& one : packets) {
    if (one.packet[12 + 2] == 0) one.packet[36] ^= 0x55;  // what 10.77.0.1 sends
  }
  EXPECT_EQ(analyse(raw_pcap(packets), Checksums::automatic).story(), kOrderlyStory);
  EXPECT_EQ(analyse(raw_pcap(packets), Checksums::verify).counts.bad_checksums, 6u);
}

// A host sums some of what it sends itself (resets), and merges some of what it receives.
TEST(AnalysisChecksums, WhatIsNotSummedYetIsBelievedBesideWhatIs) {
  std::vector<Captured> packets = one_bad();
  for (std::size_t i = 0; i < packets.size(); i += 2) {
    PacketView view;
    ASSERT_EQ(parse_packet(packets[i].packet, view), ParseError::none);
    if (is_checksum_right(view)) write_partial_checksum(view, packets[i].packet);
  }
  const Analysed result = analyse(raw_pcap(packets), Checksums::automatic);
  EXPECT_EQ(result.counts.bad_checksums, 1u);
  EXPECT_EQ(result.story(), kOrderlyStory);
  EXPECT_EQ(analyse(raw_pcap(packets), Checksums::verify).counts.bad_checksums, 6u);
}

TEST(AnalysisChecksums, ABadIpHeaderIsBadToo) {
  std::vector<Captured> packets = orderly();
  packets[6].packet[10] ^= 1;
  EXPECT_EQ(analyse(raw_pcap(packets), Checksums::verify).counts.bad_checksums, 1u);
}

TEST(AnalysisChecksums, ABadOneOpensNothing) {
  std::vector<Captured> packets = orderly();
  packets.resize(1);
  packets[0].packet[36] ^= 0x55;
  const Analysed result = analyse(raw_pcap(packets), Checksums::verify);
  EXPECT_EQ(result.counts.bad_checksums, 1u);
  EXPECT_THAT(result.connections, SizeIs(0));
}

}  // namespace
}  // namespace wobble::captures
