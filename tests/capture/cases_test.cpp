// Small captures of which it is known what is right: folder cases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "daemon/capture/replay.h"
#include "tests/capture/conversation.h"

namespace wobble::captures {
namespace {

using testing::SizeIs;

std::string path_of(const std::string& name) { return std::string(WOBBLE_CASES) + "/" + name; }

Analysed analyse_case(const std::string& name) {
  return analyse_from([&] { return open_case(path_of(name)); });
}

std::uint64_t packets_of_connections(const Analysed& result) {
  std::uint64_t packets = 0;
  for (const auto& connection : result.connections)
    packets += connection.row.client.figures.packets_sent + connection.row.server.figures.packets_sent;
  return packets;
}

TEST(Cases, AClockThatStepsBackTearsNoConnection) {
  const Analysed result = analyse_case("clockstep_1.pcap");
  ASSERT_THAT(result.connections, SizeIs(1));
  const api::ConnectionRow& row = result.connections[0].row;
  EXPECT_EQ(row.end, End::orderly);
  EXPECT_EQ(row.tcp.history.text(), "ShADaFf");
  EXPECT_EQ(row.client.figures.retransmissions + row.server.figures.retransmissions, 0u);
  EXPECT_EQ(result.counts.clock_steps, 1u);
  EXPECT_LT(result.counts.lasted, Duration(std::chrono::seconds(1)));
}

TEST(Cases, AnOlderCaptureThatWasAppendedIsAConnectionOfItsOwn) {
  const Analysed result = analyse_case("appended_older.pcap");
  ASSERT_THAT(result.connections, SizeIs(2));
  for (const auto& [index, packets] : {std::pair(0u, 6u), std::pair(1u, 8u)}) {
    const api::ConnectionRow& row = result.connections[index].row;
    EXPECT_EQ(row.client.figures.packets_sent + row.server.figures.packets_sent, packets);
    EXPECT_EQ(row.client.figures.retransmissions + row.server.figures.retransmissions, 0u);
  }
  EXPECT_LT(result.connections[1].row.opened_at, result.connections[0].row.opened_at);  // as its capture says
  EXPECT_EQ(result.connections[1].row.end, End::orderly);
}

TEST(Cases, EveryPacketOfAScanIsAccountedFor) {
  const Analysed result = analyse_case("scan_null_fin_xmas_synfin_rst_ack.pcap");
  std::uint64_t strays = result.counts.stray_fragments;
  for (const std::uint64_t n : result.counts.strays) strays += n;
  EXPECT_EQ(result.counts.packets, 16u);
  EXPECT_EQ(packets_of_connections(result) + strays, 16u);
  EXPECT_EQ(result.counts.stray_fragments, 0u);
}

TEST(Cases, WhatIsShorterOnTheWireThanItSaysIsNoRetransmission) {
  const Analysed result = analyse_case("wire_shorter_than_ip.pcap");
  ASSERT_THAT(result.connections, SizeIs(1));
  const EndpointFigures& client = result.connections[0].row.client.figures;
  EXPECT_EQ(client.payload_bytes, 85u);
  EXPECT_EQ(client.retransmissions, 0u);
  EXPECT_EQ(result.counts.unreadable, 1u);
}

TEST(Cases, GzipIsReadUpToItsDamage) {
  const Analysed result = analyse_case("badcrc.pcap.gz");
  ASSERT_THAT(result.connections, SizeIs(1));
  EXPECT_EQ(result.connections[0].row.tcp.conn_state, ConnState::sf);
  EXPECT_EQ(result.error, "the gzip stream is damaged: incorrect data check");
}

TEST(Cases, BehindMplsAConnectionIsRead) {
  const Analysed result = analyse_case("mpls.pcap");
  ASSERT_THAT(result.connections, SizeIs(1));
  EXPECT_EQ(result.counts.packets, 5u);
  EXPECT_EQ(packets_of_connections(result), 5u);
}

TEST(Cases, AReplayTakesOurOwnCapturesPacketsOnce) {
  for (const char* name : {"replay_in.pcap", "replay_own_capture.pcapng"}) {
    const auto reader = open_case(path_of(name));
    const daemon::ReplayCounts counts = daemon::replay(*reader, {}, [](std::string_view) {});
    EXPECT_EQ(counts.up.packets_in, 24u) << name;
    EXPECT_EQ(counts.down.packets_in, 22u) << name;
    EXPECT_EQ(counts.frames, counts.admitted + counts.left_out) << name;
  }
}

}  // namespace
}  // namespace wobble::captures
