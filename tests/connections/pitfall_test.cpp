// The specification's pitfalls, by number, as far as they are the tracker's. (1, 2 and 24 are the packet path's, 18 the
// parser's; 19 and 20 concern captures alone.)
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

constexpr const char* kActive = "SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT";
constexpr const char* kPassive = "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED";

void close_orderly(TableStory& s, int client_at = 1, int server_at = 1) {
  const auto n = [](int number) { return std::to_string(number); };
  s.client("FIN,ACK " + n(client_at) + " ack " + n(server_at));
  s.server("FIN,ACK " + n(server_at) + " ack " + n(client_at + 1));
  s.client("ACK " + n(client_at + 1) + " ack " + n(server_at + 1));
}

TEST(Pitfall, P03_DataAndFinInOneSegment) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1 len 100");
  s.server("FIN,ACK 1 ack 102 len 50");
  s.client("ACK 102 ack 52");
  s.expect_histories(kActive, kPassive);
  EXPECT_EQ(s.table.figures(1)->client.unique_payload_bytes, 100u);
}

TEST(Pitfall, P03_FinWithRstIsARst) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,RST,ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED");
  s.expect_end(End::reset, ClosedBy::client);
}

TEST(Pitfall, P04_ARepeatedFinIsOneClose) {
  TableStory s;
  s.shake_hands();
  for (int i = 0; i < 3; ++i) s.client_loses("FIN,ACK 1 ack 1 len 10");
  s.client("FIN,ACK 1 ack 1 len 10");
  s.client("ACK 1 ack 1 len 10");  // data behind the FIN in time, not in sequence
  s.server("FIN,ACK 1 ack 12");
  s.client("ACK 12 ack 2");
  s.expect_histories(kActive, kPassive);
  EXPECT_EQ(s.table.figures(1)->closes.size(), 2u);
}

TEST(Pitfall, P05_NotAnyAckEndsLastAck) {
  TableStory s;
  s.shake_hands();
  s.server("ACK 1 ack 1 len 100");
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 101 ack 2");
  s.client("ACK 2 ack 101");  // all of the data, not of the FIN
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2", "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK");
  s.client("ACK 2 ack 102");
  s.expect_histories(kActive, kPassive);
}

TEST(Pitfall, P06_AChallengeAckIsNoThirdAck) {
  TableStory s;
  s.shake_hands();
  s.client("SYN 5000");     // forged, within the connection
  s.server("ACK 1 ack 1");  // the challenge
  s.client("ACK 1 ack 1 len 5");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  s.expect_open(1);
}

TEST(Pitfall, P08_ScalesCountOnlyIfBothOfferedOne) {
  TableStory s;
  s.client("SYN 0 scale 7 win 1000");
  s.server("SYN,ACK 0 ack 1 win 1000");
  s.client("ACK 1 ack 1 win 1000");
  EXPECT_EQ(s.table.figures(1)->client.max_window, 1000u);
}

TEST(Pitfall, P08_ScalesAboveFourteenAreFourteen) {
  TableStory s;
  s.client("SYN 0 scale 15 win 1000");
  s.server("SYN,ACK 0 ack 1 scale 0 win 1000");
  s.client("ACK 1 ack 1 win 1000");
  EXPECT_EQ(s.table.figures(1)->client.max_window, 1000u << 14);
}

TEST(Pitfall, P09_EveryNumberWraps) {
  for (const std::uint32_t isn : {0xffffffffu, 0xfffffffeu, 0u, 0xffffff9bu}) {  // the FIN is at 0xffffffff in the last
    TableStory s;
    s.new_isns(isn, isn);
    s.shake_hands();
    s.client("ACK 1 ack 1 len 99");
    s.server("ACK 1 ack 100 len 99");
    close_orderly(s, 100, 100);
    s.expect_histories(kActive, kPassive);
    s.expect_end(End::orderly, ClosedBy::client);
    EXPECT_EQ(s.table.figures(1)->client.unique_payload_bytes, 99u) << isn;
  }
}

TEST(Pitfall, P10_RstWithNoughtsAnswersASyn) {
  TableStory s;
  s.new_isns(1'000'000, 0);
  s.client("SYN 0");
  s.server("RST,ACK 0 ack 1");
  s.expect_histories("SYN_SENT CLOSED", "");
  s.expect_end(End::refused, ClosedBy::server);
}

TEST(Pitfall, P10_TextInARstIsNoData) {
  TableStory s;
  s.shake_hands();
  s.client("RST,ACK 1 ack 1 len 20");
  EXPECT_EQ(s.table.figures(1)->client.unique_payload_bytes, 0u);
  s.expect_end(End::reset, ClosedBy::client);
}

TEST(Pitfall, P11_CrossingIsDecidedByDelivery) {
  TableStory crossed;
  crossed.shake_hands();
  const auto fin = crossed.client_sends("FIN,ACK 1 ack 1");
  const auto other = crossed.server_sends("FIN,ACK 1 ack 1");
  crossed.deliver(fin), crossed.deliver(other);
  crossed.client("ACK 2 ack 2"), crossed.server("ACK 2 ack 2");
  crossed.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT",
                           "SYN_RECEIVED ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT");
}

TEST(Pitfall, P12_ThePortAgain) {
  TableStory s;
  s.shake_hands();
  close_orderly(s);
  s.new_isns(2'000'000, 777);
  s.shake_hands();
  ASSERT_EQ(s.listener.opened.size(), 2u);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED", 1);
}

TEST(Pitfall, P13_SynsLongApartAreOneAttempt) {
  TableStory s;
  for (int i = 0; i < 6; ++i) s.client("SYN 0"), s.wait(std::chrono::seconds(1 << i));
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  EXPECT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.table.figures(1)->tcp.syn_retries, 5u);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
}

TEST(Pitfall, P14_FastOpenServerSpeaksBeforeTheThirdAck) {
  TableStory s;
  s.client("SYN 0 mss 1460 tfo 10 len 100");
  s.server("SYN,ACK 0 ack 101 mss 1460");
  const auto early = s.server_sends("ACK 1 ack 101 len 500");
  s.expect_histories("SYN_SENT", "SYN_RECEIVED");
  s.client("ACK 101 ack 1");
  s.deliver(early);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
}

TEST(Pitfall, P15_AFinThatNeverCameIsNotPretended) {
  TableStory s;
  s.shake_hands();
  s.server("ACK 1 ack 1 win 0");
  s.client("RST,ACK 1 ack 1");  // close() waited behind the window, then gave up
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED");
}

TEST(Pitfall, P16_SilentDeathsLeaveThePeerHalfOpen) {
  TableStory s;
  s.shake_hands();
  s.client_loses("RST 1");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED");
  s.wait(std::chrono::hours(2));
  s.expect_end(End::half_open, ClosedBy::client);
}

TEST(Pitfall, P21_TheSynAckBeforeTheSyn) {
  TableStory s;
  s.server("SYN,ACK 0 ack 1");
  s.client("SYN 0");
  s.client("ACK 1 ack 1");
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  ASSERT_EQ(s.listener.opened.size(), 1u) << s.story();
  EXPECT_EQ(s.listener.closed.at(0).end, End::orderly) << s.story();
}

TEST(Pitfall, P22_WhatFollowsARstOpensNothing) {
  TableStory s;
  s.shake_hands();
  s.client("RST 1");
  for (int i = 0; i < 5; ++i) s.server("ACK " + std::to_string(1 + 100 * i) + " ack 1 len 100");
  s.client("RST 1");
  EXPECT_EQ(s.listener.opened.size(), 1u);
  s.expect_end(End::reset, ClosedBy::client);
}

TEST(Pitfall, P23_AnMptcpSubflowIsAConnection) {
  TableStory s;
  s.client("SYN 0 mptcp 0");
  s.server("SYN,ACK 0 ack 1 mptcp 0");
  s.client("ACK 1 ack 1");
  const ConnectionFigures f = *s.table.figures(1);
  EXPECT_TRUE(agreement_of(f.client.offer, f.server.offer, false).multipath);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
}

}  // namespace
