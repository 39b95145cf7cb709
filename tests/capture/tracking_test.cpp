// Small captures of which it is known what is right (folder cases): what the tracker makes of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/capture/conversation.h"

namespace wobble::captures {
namespace {

using testing::SizeIs;

class Tracking : public testing::Test {
 protected:
  void look_at(const std::string& name, std::size_t connections = 1) {
    std::ifstream file(std::string(WOBBLE_CASES) + "/" + name + ".pcap", std::ios::binary);
    ASSERT_TRUE(file.is_open()) << name;
    result = analyse(Bytes(std::istreambuf_iterator<char>(file), {}));
    ASSERT_THAT(result.connections, SizeIs(connections)) << name;
    row = result.connections.back().row;
  }
  const EndpointFigures& client() const { return row.client.figures; }
  const EndpointFigures& server() const { return row.server.figures; }
  std::uint32_t retransmissions() const { return client().retransmissions + server().retransmissions; }
  bool was_established(Role side) const {
    for (const api::TransitionRow& t : result.connections.back().transitions) {
      if (t.side == side && t.to == TcpState::established) return true;
    }
    return false;
  }

  Analysed result;
  api::ConnectionRow row;
};

TEST_F(Tracking, AckOvertakesFin) {
  look_at("ack_overtakes_fin");
  EXPECT_EQ(row.end, End::orderly);
  EXPECT_EQ(row.client.state, TcpState::time_wait);
  EXPECT_EQ(row.server.state, TcpState::closed);
  EXPECT_EQ(retransmissions(), 0u);
  EXPECT_EQ(client().unique_payload_bytes, client().payload_bytes);
  EXPECT_EQ(server().unique_payload_bytes, server().payload_bytes);
}

TEST_F(Tracking, AckOvertakesData) {
  look_at("ack_overtakes_data");
  EXPECT_EQ(client().unique_payload_bytes, 300u);
  EXPECT_EQ(client().payload_bytes, 300u);
  EXPECT_EQ(retransmissions(), 0u);
  EXPECT_EQ(client().out_of_order, 3u);
}

TEST_F(Tracking, TwoSynAcksOfWhichTheFirstIsTaken) {
  look_at("two_synacks_first_taken");
  EXPECT_EQ(row.end, End::orderly);
  EXPECT_TRUE(was_established(Role::client));
  EXPECT_TRUE(was_established(Role::server));
  EXPECT_EQ(server().unique_payload_bytes, 20u);
  EXPECT_EQ(retransmissions(), 0u);
  EXPECT_EQ(row.tcp.syn_ack_retries, 0u);
}

TEST_F(Tracking, LostBehindAndNoticedByATimer) {
  look_at("lost_behind_tap_rto");
  EXPECT_EQ(client().retransmissions_timeout(), 1u);
  EXPECT_EQ(client().retransmissions_spurious, 0u);
  EXPECT_EQ(client().retransmissions_lost_behind, 1u);
}

TEST_F(Tracking, LostBehindAndNoticedByWhatThePeerSaid) {
  look_at("lost_behind_tap_fast");
  EXPECT_EQ(client().retransmissions_fast, 1u);
  EXPECT_EQ(client().retransmissions_timeout(), 0u);
  EXPECT_EQ(client().retransmissions_spurious, 0u);
}

TEST_F(Tracking, AFinLostBehind) {
  look_at("fin_lost_behind");
  EXPECT_EQ(client().retransmissions_timeout(), 2u);
  EXPECT_EQ(client().retransmissions_spurious, 0u);
}

TEST_F(Tracking, ReallySpurious) {
  look_at("really_spurious");
  EXPECT_EQ(client().retransmissions_spurious, 1u);
  EXPECT_EQ(client().retransmissions, 1u);
}

TEST_F(Tracking, AGapBehindAWindowScaleThatWasCutOff) {
  for (const char* name : {"snaplen54_gap", "snaplen54_gap_control_full_length"}) {
    SCOPED_TRACE(name);
    look_at(name);
    EXPECT_EQ(row.end, End::orderly);
    EXPECT_EQ(client().gaps, 1u);
    EXPECT_EQ(client().unique_payload_bytes, 3600u);
  }
}

TEST_F(Tracking, TheServersDataIsMissingBeforeItsRst) {
  look_at("capture_lost_srvdata_rst_s");
  EXPECT_EQ(row.end, End::reset);
  EXPECT_EQ(row.closed_by, ClosedBy::server);
  EXPECT_EQ(row.client.state, TcpState::closed);
  EXPECT_EQ(row.server.state, TcpState::closed);
  EXPECT_EQ(row.tcp.rst_implausible, 0u);
}

TEST_F(Tracking, TheClientsDataIsMissingBeforeItsRst) {
  look_at("capture_lost_clidata_rst_c");
  EXPECT_EQ(row.end, End::reset);
  EXPECT_EQ(row.closed_by, ClosedBy::client);
  EXPECT_EQ(row.client.state, TcpState::closed);
  EXPECT_EQ(row.server.state, TcpState::closed);
}

TEST_F(Tracking, WhetherItWasOvertakenDoesNotHangOnASynThatWasRepeated) {
  look_at("ooo_or_retransmission_once");
  EXPECT_EQ(row.initial_rtt, Duration(20'000'000));
  EXPECT_EQ(client().out_of_order, 0u);
  EXPECT_EQ(client().retransmissions_fast, 1u);
  look_at("ooo_or_retransmission_syn_again");
  EXPECT_EQ(row.initial_rtt, Duration{0}) << "of two SYNs nobody knows which was answered";
  EXPECT_EQ(client().out_of_order, 0u);
  EXPECT_EQ(client().retransmissions_fast, 1u);
}

TEST_F(Tracking, KeepAlivesOfOneSideEach130Seconds) { look_at("onesided_keepalive130"); }

TEST_F(Tracking, AStrayAckMovesNoPayload) {
  look_at("midstream_stray_ack");
  EXPECT_EQ(client().unique_payload_bytes, 100u);
}

TEST_F(Tracking, ALateRstOfTheEarlierConnection) {
  look_at("late_rst_of_old_incarnation", 2);
  EXPECT_EQ(row.tcp.closed_first, ClosedBy::client);
  EXPECT_EQ(row.closed_by, ClosedBy::client);
  EXPECT_EQ(row.tcp.conn_state, ConnState::sf);
  EXPECT_EQ(row.tcp.rst_implausible, 1u);
}

TEST_F(Tracking, ANewByteProbesTheClosedWindow) {
  look_at("window_probe_new_byte");
  EXPECT_EQ(client().payload_bytes, 211u);
  EXPECT_EQ(client().unique_payload_bytes, 211u);
  EXPECT_EQ(retransmissions(), 0u);
}

TEST_F(Tracking, ARstAtTheIsnGivesUp) {
  look_at("rst_at_isn");
  EXPECT_EQ(row.client.state, TcpState::closed);
  EXPECT_EQ(row.closed_by, ClosedBy::client);
}

}  // namespace
}  // namespace wobble::captures
