// What the tracker believes of what it has not seen: what one end says and the other confirms, and nothing else.
#include "tests/connections/table_story.h"
#include "tests/connections/tracker_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;
using enum TcpState;

TEST(Claims, AnAckThatOvertakesDataInventsNoRetransmission) {
  OpenTable s;
  for (int i = 0; i < 3; ++i) {
    s.client_sends("ACK " + std::to_string(101 + 100 * i) + " ack 1");
    s.client_sends("ACK " + std::to_string(1 + 100 * i) + " ack 1 len 100");
  }
  EXPECT_EQ(client_of(s).retransmissions, 0u) << s.story();
  EXPECT_EQ(client_of(s).out_of_order, 3u);
  EXPECT_EQ(client_of(s).gaps, 3u);
  EXPECT_EQ(client_of(s).unique_payload_bytes, 300u);
}

TEST(Claims, AnAckThatOvertakesAFinLosesNoClose) {
  OpenTable s;
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 2 ack 2");  // its FIN, at 1, comes behind
  s.server("FIN,ACK 1 ack 1");
  s.client("ACK 2 ack 2");
  s.expect_end(End::orderly, ClosedBy::client);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  EXPECT_EQ(server_of(s).retransmissions, 0u);
  EXPECT_EQ(server_of(s).unique_payload_bytes, 0u);
}

TEST(Claims, AFinBeyondAHoleIsBelievedWhenTheHoleFills) {
  OpenTracker s;
  s.client("FIN,ACK 101 ack 1");
  s.expect(established, established);
  s.client("ACK 1 ack 1 len 100");
  s.expect_row(Rule::hole_before_fin_filled, kClient, established, fin_wait_1);
  s.server("ACK 1 ack 102");
  s.expect(fin_wait_2, close_wait);
}

TEST(Claims, AFinBeyondAHoleIsBelievedWhenThePeerAcknowledgesIt) {
  OpenTracker s;
  s.client("FIN,ACK 101 ack 1");  // what is before it never passes here
  s.server("ACK 1 ack 102");
  s.expect_row(Rule::fin_beyond_hole, kClient, established, fin_wait_1, Evidence::implied);
  s.expect(fin_wait_2, close_wait);
}

TEST(Claims, AForgedFinBeyondAHoleIsForgotten) {
  OpenTracker s;
  s.client("FIN,ACK 151 ack 1");
  s.client("ACK 1 ack 1 len 100");
  s.client("ACK 101 ack 1 len 100");
  s.server("ACK 1 ack 201");
  s.expect(established, established);
  EXPECT_EQ(s.connection.closed_by, ClosedBy::nobody);
  EXPECT_EQ(s.connection.client.unique_payload, 200u);
}

TEST(Claims, WhatWasAcknowledgedWasSentOnceItsSenderGoesOnThere) {
  OpenTable s;
  s.server("ACK 1 ack 101");  // of the client's 1 to 100 nothing passed here
  EXPECT_EQ(client_of(s).unique_payload_bytes, 0u) << "not yet: it may be forged";
  s.client("ACK 101 ack 1");
  EXPECT_EQ(client_of(s).unique_payload_bytes, 100u) << s.story();
  EXPECT_EQ(client_of(s).gaps, 1u);
  s.client("RST 101");
  s.expect_end(End::reset, ClosedBy::client);
}

TEST(Claims, ARstRightAtWhatWasAcknowledgedIsPlausible) {
  OpenTable s;
  s.server("ACK 1 ack 1 len 100");
  s.client("ACK 1 ack 201");
  s.server("RST 201");
  s.expect_end(End::reset, ClosedBy::server);
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED");
  EXPECT_EQ(s.table.figures(1)->tcp.rst_implausible, 0u);
}

TEST(Claims, AForgedAckOfWhatWasNeverSentChangesNothing) {
  OpenTable s;
  s.server("ACK 1 ack 5001");
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101");
  s.client("ACK 101 ack 1 len 100");
  EXPECT_EQ(client_of(s).retransmissions, 0u) << s.story();
  EXPECT_EQ(client_of(s).gaps, 0u);
  EXPECT_EQ(client_of(s).unique_payload_bytes, 200u);
}

TEST(Claims, WhatBothEndsGoOnWithIsBelievedBeyondEveryKnownWindow) {
  OpenTable s;
  s.client("ACK 1 ack 1 len 100");
  s.client("ACK 70001 ack 1 len 100");
  s.client("ACK 70101 ack 1 len 100");
  EXPECT_EQ(client_of(s).gaps, 0u) << "it may be forged: " << s.story();
  s.server("ACK 1 ack 70201 win 10");
  EXPECT_EQ(client_of(s).gaps, 1u);
  EXPECT_EQ(client_of(s).unique_payload_bytes, 70200u);
  s.client("ACK 79001 ack 1 len 100");  // windows do not judge any more
  s.client("FIN,ACK 79101 ack 1");
  s.server("FIN,ACK 1 ack 79102");
  s.client("ACK 79102 ack 2");
  s.expect_end(End::orderly, ClosedBy::client);
}

TEST(Claims, AStrayAckMovesNothingOfAConnectionPickedUpInTheMiddle) {
  TableStory s;
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101");
  s.client("ACK 1000000001 ack 1");
  s.server("ACK 1 ack 101 len 50");
  s.client("ACK 101 ack 51");
  EXPECT_EQ(client_of(s).unique_payload_bytes, 100u) << s.story();
  EXPECT_EQ(server_of(s).unique_payload_bytes, 50u);
}

TEST(Claims, AWindowScaleThatWasCutOffLosesNoRetransmission) {
  for (const bool is_cut : {true, false}) {
    SCOPED_TRACE(is_cut ? "there may have been a scale" : "there was none");
    TrackerStory s;
    s.cuts_options = is_cut;
    s.client("SYN 0 mss 1460");
    s.server("SYN,ACK 0 ack 1 mss 1460");
    s.cuts_options = false;
    s.client("ACK 1 ack 1 win 501");
    s.server("ACK 701 ack 1 len 700");  // beyond 501, but not beyond 501 << 7; what is before it was lost before us
    s.wait(300ms);
    s.server_sends("ACK 1 ack 1 len 700");
    EXPECT_EQ(s.sending.retransmission, is_cut) << s.story();
    EXPECT_EQ(s.count_of(Trouble::lost_before), is_cut ? 1u : 0u) << s.story();
  }
}

TEST(Claims, AWindowScaleThatIsBeforeWhatWasCutOffJudges) {
  TrackerStory s;
  s.cuts_options = true;
  s.client("SYN 0 scale 7");
  s.server("SYN,ACK 0 ack 1 scale 7");
  s.cuts_options = false;
  s.client("ACK 1 ack 1 win 501");
  EXPECT_FALSE(s.connection.liberal);
}

TEST(Claims, TheThirdAckChoosesOfTwoSynAcks) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.server("SYN,ACK 16081090 ack 1");
  s.client("ACK 1 ack 1");  // it took the first
  s.expect_row(Rule::third_ack_chooses, kClient, syn_sent, syn_sent);
  s.expect_row(Rule::third_ack, kClient, syn_sent, established);
  s.expect(established, established);
  s.server("ACK 1 ack 1 len 20");
  EXPECT_EQ(s.connection.server.unique_payload, 20u);
  EXPECT_EQ(s.count_of(Trouble::retransmission) + s.count_of(Trouble::syn_ack_retry), 0u);
}

TEST(Claims, TheThirdAckMayTakeTheSecondOfTwoSynAcks) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.server("SYN,ACK 16081090 ack 1");
  s.client("ACK 1 ack 16081091");
  s.expect_no_row(Rule::third_ack_chooses);
  s.expect(established, established);
}

TEST(Claims, AServerThatSendsHadAnswered) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("ACK 1 ack 1 len 20");  // its SYN-ACK did not pass here
  s.expect_row(Rule::sends_unopened, kServer, none, syn_received, Evidence::implied);
  s.client("ACK 1 ack 21");
  s.expect(established, established);
  s.server("FIN,ACK 21 ack 1");
  s.client("FIN,ACK 1 ack 22");
  s.server("ACK 22 ack 2");
  EXPECT_EQ(end_of(s.connection), End::orderly) << s.story();
}

TEST(Claims, ASynAckThatCarriesDataAndAFin) {  // RFC 7413: the request was in the SYN
  TableStory t;
  t.client("SYN 0 tfo 10 len 100");
  t.server("SYN,ACK,FIN 0 ack 101 len 50");
  t.client("FIN,ACK 101 ack 52");
  t.server("ACK 52 ack 102");
  t.expect_end(End::orderly, ClosedBy::server);
  t.expect_histories("SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED", "SYN_RECEIVED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
  EXPECT_EQ(t.table.figures(1)->tcp.invalid_flags, 0u);
  EXPECT_EQ(t.table.figures(1)->tcp.conn_state, ConnState::sf);
  EXPECT_EQ(t.table.figures(1)->server.unique_payload_bytes, 50u);
}

TEST(Claims, AnImpliedCloseIsTakenBackWhenThePeerRepeatsItsFin) {
  OpenTracker s;
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 1");  // delivered by us, and lost behind
  s.server("ACK 2 ack 2");
  s.expect_row(Rule::simultaneous_close, kClient, fin_wait_1, closing, Evidence::implied);
  EXPECT_EQ(s.connection.client.state, time_wait);
  s.wait(1s);
  s.server_sends("FIN,ACK 1 ack 2");
  s.expect_row(Rule::simultaneous_close, kClient, time_wait, fin_wait_2, Evidence::correction);
  s.deliver_last();
  s.client("ACK 2 ack 2");
  s.expect_row(Rule::last_fin_acknowledged, kClient, fin_wait_2, time_wait);
}

TEST(Claims, ARstIsNotItsOwnIfItsSenderGoesOnAtOnce) {
  OpenTracker s;
  s.server("RST,ACK 1 ack 1");
  s.expect(closed, closed);
  s.server("ACK 1 ack 1 len 100");
  s.expect_row(Rule::reset_denied, kServer, closed, established, Evidence::correction);
  s.client("ACK 1 ack 101");  // which it can acknowledge only if it took no RST
  s.expect_row(Rule::reset_ignored, kClient, closed, established, Evidence::correction);
  s.expect(established, established);
}

TEST(Claims, DataInFlightBehindATrueRstDoesNotResurrect) {
  TrackerStory s;
  s.client("SYN 0");
  s.wait(100ms);  // the server is 100 ms beyond us
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  s.client("RST 1");
  s.expect(closed, closed);
  s.wait(90ms);
  s.server("ACK 1 ack 1 len 100");
  s.expect(closed, closed);
  s.wait(300ms);
  s.server("ACK 1 ack 1 len 100");
  s.expect(closed, closed);
  s.server("ACK 101 ack 1 len 100");
  s.expect_row(Rule::reset_ignored, kServer, closed, established, Evidence::correction);
}

TEST(Claims, ALateRstOfAnEarlierConnectionIsNotThisOnes) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  const std::uint32_t old_client = s.client_isn, old_server = s.server_isn;
  s.new_isns(old_client + 5'000'000, old_server + 7'000'000);
  s.client("SYN 0");
  s.new_isns(old_client, old_server);
  s.server("RST,ACK 2 ack 2");
  s.new_isns(old_client + 5'000'000, old_server + 7'000'000);
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  s.expect_end(End::orderly, ClosedBy::client, 1);
  const TcpFacts facts = s.table.figures(2)->tcp;
  EXPECT_EQ(facts.closed_first, ClosedBy::client) << s.story();
  EXPECT_EQ(facts.conn_state, ConnState::sf);
  EXPECT_EQ(facts.rst_implausible, 1u);
}

TEST(Claims, ALateSynOfAnEarlierConnectionEndsNothing) {
  TableStory s;
  s.shake_hands();
  s.client("RST 1");
  const std::uint32_t old_client = s.client_isn;
  s.client_isn = old_client + 5'000'000;
  s.client("SYN 0");
  s.client_isn = old_client;
  s.client("SYN 0 scale 7");  // on its way for long
  s.client_isn = old_client + 5'000'000;
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  EXPECT_EQ(s.listener.opened.size(), 2u) << s.story();
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED", 1);
}

TEST(Claims, ARstWithAckAtTheIsnGivesTheOpeningUp) {
  TrackerStory s;
  s.client("SYN 0");
  s.client("SYN 0");
  s.client("RST,ACK 0 ack 0");
  s.expect_row(Rule::opening_given_up, kClient, syn_sent, closed);
  EXPECT_EQ(s.connection.closed_by, ClosedBy::client);
}

TEST(Claims, SilenceDoesNotCutAOneSidedConnectionPickedUpInTheMiddle) {
  TableStory s;
  for (int i = 0; i < 10; ++i) {
    s.client("ACK 1 ack 1");
    s.wait(130s);
  }
  EXPECT_EQ(s.listener.opened.size(), 1u) << s.story();
  s.expect_open(1);
}

}  // namespace
