// The transition table's rows 28 to 42 without 40: resets, corrections and what is not acceptable. One test for each
// row, by its number.
#include "tests/connections/tracker_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;
using namespace std::chrono_literals;
using enum TcpState;

TEST(TransitionTable, Row28_ClientRejectsAnOldSynAckAndGoesOn) {
  TrackerStory s;
  s.client("SYN 0");
  s.client("RST 4711");  // seq = the ACK of a SYN-ACK that was not for it
  s.expect_row(Rule::ack_rejected, kClient, syn_sent, syn_sent);
}

TEST(TransitionTable, Row29_ClientGivesUpOpening) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client_loses("RST 1");
  s.expect_row(Rule::opening_given_up, kClient, syn_sent, closed);
  s.expect(closed, syn_received);
}

TEST(TransitionTable, Row29_UnlessItGoesOn) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client_loses("RST 1");
  s.client("ACK 1 ack 1");
  s.expect_row(Rule::opening_given_up, kClient, closed, syn_sent, Evidence::correction);
  s.expect_row(Rule::third_ack, kClient, syn_sent, established);
  s.expect(established, established);
}

TEST(TransitionTable, Row30_RstAbortsItsSenderEvenIfDropped) {
  OpenTracker s;
  s.client_loses("RST,ACK 1 ack 1");
  s.expect_row(Rule::reset_sent, kClient, established, closed);
  s.expect(closed, established);
}

TEST(TransitionTable, Row30_RstAtWhatThePeerAcknowledged) {
  OpenTracker s;
  s.client_loses("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 1");
  s.client("RST 1");
  s.expect_row(Rule::reset_sent, kClient, established, closed);
}

TEST(TransitionTable, Row31_ImplausibleRst) {
  OpenTracker s;
  s.client_loses("RST 5000");
  s.expect_row(Rule::reset_implausible, kClient, established, established);
  EXPECT_EQ(s.count_of(Trouble::rst_implausible), 1u);
}

TEST(TransitionTable, Row32_ClosedPortAnswers) {
  TrackerStory s;
  s.client("SYN 0");
  s.server_loses("RST,ACK 0 ack 1");
  s.expect_row(Rule::reset_without_connection, kServer, none, none);
  s.expect(syn_sent, none);
}

TEST(TransitionTable, Row32_TimeWaitIsNotEndedByItsOwnRst) {
  OpenTracker s;
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client_loses("ACK 2 ack 2");
  s.client_loses("RST 2");
  s.expect_row(Rule::reset_without_connection, kClient, time_wait, time_wait);
}

TEST(TransitionTable, Row33_Refused) {
  TrackerStory s;
  s.client("SYN 0");
  s.server_isn = 0;
  s.server("RST,ACK 0 ack 1");
  s.expect_row(Rule::refused, kClient, syn_sent, closed, Evidence::delivered);
  EXPECT_EQ(end_of(s.connection), End::refused);
}

TEST(TransitionTable, Row33_NotByARstWithoutAck) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("RST 0");
  s.expect_no_row(Rule::refused);
  s.expect(syn_sent, none);
}

TEST(TransitionTable, Row34_ExactRstIsAccepted) {
  OpenTracker s;
  s.server("ACK 1 ack 1 len 100");
  s.server("RST,ACK 101 ack 1");
  s.expect_row(Rule::reset_accepted, kClient, established, closed, Evidence::delivered);
  EXPECT_EQ(end_of(s.connection), End::reset);
}

TEST(TransitionTable, Row34_AtTheEdgeOfWhatIsOutOfOrder) {
  OpenTracker s;
  s.server_loses("ACK 1 ack 1 len 100");
  s.server("ACK 101 ack 1 len 100");
  s.server("RST,ACK 201 ack 1");
  s.expect_row(Rule::reset_accepted, kClient, established, closed, Evidence::delivered);
}

TEST(TransitionTable, Row34_OneBelowTheFinInCloseWait) {
  OpenTracker s;
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 1 ack 2");
  s.client("RST 1");
  s.expect_row(Rule::reset_accepted, kServer, close_wait, closed, Evidence::delivered);
  EXPECT_EQ(end_of(s.connection), End::orderly_reset);
}

TEST(TransitionTable, Row35_RstInTheWindowIsChallenged) {
  OpenTracker s;
  s.server("RST 500");
  s.expect_row(Rule::reset_challenged, kClient, established, established, Evidence::delivered);
  EXPECT_EQ(s.count_of(Trouble::challenge_answer), 0u);
  s.client("ACK 1 ack 1");
  EXPECT_EQ(s.count_of(Trouble::challenge_answer), 1u);
}

TEST(TransitionTable, Row36_RstOutsideTheWindowIsIgnored) {
  OpenTracker s;
  s.server("RST -500");
  s.expect_row(Rule::reset_outside_window, kClient, established, established, Evidence::delivered);
}

TEST(TransitionTable, Row37_TimeWaitAssassination) {
  OpenTracker s;
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  s.server("RST 2");
  s.expect_row(Rule::time_wait_assassinated, kClient, time_wait, closed, Evidence::delivered);
}

TEST(TransitionTable, Row37_AlsoBeforeTheAckOfTheFinCameBy) {
  OpenTracker s;
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.server("RST 2");
  s.expect_row(Rule::last_fin_acknowledged, kClient, fin_wait_2, time_wait, Evidence::implied);
  s.expect_row(Rule::time_wait_assassinated, kClient, time_wait, closed, Evidence::delivered);
}

TEST(TransitionTable, Row38_EvidenceBeatsInference) {
  OpenTracker s;
  s.server("RST,ACK 1 ack 1");
  s.expect(closed, closed);
  s.wait(10ms);
  s.client("ACK 1 ack 1 len 10");
  s.expect_row(Rule::reset_ignored, kClient, closed, established, Evidence::correction);
}

TEST(TransitionTable, Row38_ButNotByASegmentThatCrossedTheRst) {
  OpenTracker s;
  s.server("RST,ACK 1 ack 1");
  s.client_sends("ACK 1 ack 1 len 10");  // 1 ms after the RST was released
  s.expect_no_row(Rule::reset_ignored);
  s.expect(closed, closed);
}

TEST(TransitionTable, Row49_WhoSendsOnWasNotTheSenderOfItsRst) {
  OpenTracker s;
  s.client("ACK 1 ack 1 len 100");
  s.client_sends("RST,ACK 51 ack 1");  // within what it sent, but not where its peer is
  s.expect_row(Rule::reset_sent, kClient, established, closed, Evidence::sent);
  s.wait(10ms);
  s.client("ACK 101 ack 1 len 10");
  s.expect_row(Rule::reset_denied, kClient, closed, established, Evidence::correction);
  s.expect(established, established);
}

TEST(TransitionTable, Row49_NotBySegmentsFromBeforeTheRstNorWithoutData) {
  OpenTracker s;
  s.client("ACK 1 ack 1 len 100");
  s.client_sends("RST,ACK 101 ack 1");
  s.client_sends("ACK 101 ack 1 len 10");  // overtaken by its RST
  s.wait(10ms);
  s.client_sends("ACK 101 ack 1");
  s.client_sends("ACK 1 ack 1 len 100");
  s.expect_no_row(Rule::reset_denied);
}

TEST(TransitionTable, Row48_AFinThatWasOnItsWayWhenTheRstCame) {
  OpenTracker s;
  s.server("RST,ACK 1 ack 1");
  s.expect_row(Rule::reset_accepted, kClient, established, closed, Evidence::delivered);
  s.client_sends("FIN,ACK 1 ack 1");  // 1 ms after the RST was released: it lay unread before
  s.expect_row(Rule::fin_before_reset, kClient, closed, fin_wait_1, Evidence::correction);
  s.expect_row(Rule::reset_accepted, kClient, fin_wait_1, closed, Evidence::implied);
  s.expect(closed, closed);
}

TEST(TransitionTable, Row48_AlsoTheSecondFinAndBehindData) {
  OpenTracker s;
  s.server("FIN,ACK 1 ack 1");
  s.client("ACK 1 ack 2");
  s.server("RST 2");
  s.client_sends("ACK 1 ack 2 len 10");
  s.client_sends("FIN,ACK 11 ack 2");
  s.expect_row(Rule::fin_before_reset, kClient, closed, last_ack, Evidence::correction);
  s.expect_row(Rule::reset_accepted, kClient, last_ack, closed, Evidence::implied);
  s.client_sends("FIN,ACK 11 ack 2");
  s.expect_no_row(Rule::fin_before_reset);
}

TEST(TransitionTable, Row48_NotAFinMuchLater) {
  OpenTracker s;
  s.server("RST,ACK 1 ack 1");
  s.wait(10ms);
  s.client_sends("FIN,ACK 1 ack 1");
  s.expect_no_row(Rule::fin_before_reset);
  s.expect_row(Rule::reset_ignored, kClient, closed, established, Evidence::correction);
}

TEST(TransitionTable, Row39_DataBeyondTheFinShowsItWasForged) {
  OpenTracker s;
  s.client("FIN,ACK 1 ack 1");
  s.client("ACK 1 ack 1 len 100");
  s.expect_row(Rule::fin_denied, kClient, fin_wait_1, established, Evidence::correction);
  EXPECT_EQ(s.connection.closed_by, ClosedBy::nobody);
  s.client("FIN,ACK 101 ack 1");
  s.expect(fin_wait_1, established);
}

TEST(TransitionTable, Row39_BackToCloseWait) {
  OpenTracker s;
  s.server("FIN,ACK 1 ack 1");
  s.client("ACK 1 ack 2");
  s.client("FIN,ACK 1 ack 2");
  s.client("ACK 1 ack 2 len 100");
  s.expect_row(Rule::fin_denied, kClient, last_ack, close_wait, Evidence::correction);
}

TEST(TransitionTable, Row41_AckOfWhatWasNeverSentIsIgnoredWhole) {
  OpenTracker s;
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 1 ack 5000 len 10");
  s.expect_row(Rule::unsent_acknowledged, kClient, fin_wait_1, fin_wait_1, Evidence::delivered);
  s.expect(fin_wait_1, established);
  EXPECT_EQ(s.connection.client.rcv_nxt, s.server_isn + 1);
}

TEST(TransitionTable, Row42_OutsideTheWindowHasNoEffect) {
  OpenTracker s;
  s.client("FIN,ACK 1 ack 1 win 10");
  s.server("ACK 9000000 ack 2");
  s.expect_row(Rule::outside_window, kClient, fin_wait_1, fin_wait_1, Evidence::delivered);
}

TEST(TransitionTable, Row42_KeepAliveHasNoEffect) {
  OpenTracker s;
  s.server("ACK 1 ack 1 len 10");
  s.client("ACK 1 ack 11");
  s.server("ACK 10 ack 1");
  s.expect_row(Rule::outside_window, kClient, established, established, Evidence::delivered);
  EXPECT_FALSE(s.sending.retransmission);
}

TEST(TransitionTable, ImpossibleFlagsAreCountedAndChangeNothing) {
  OpenTracker s;
  for (const char* text : {"SYN,FIN 1", "SYN,RST 1", "none 1", "FIN 1", "PSH,URG 1"}) s.client(text);
  s.expect(established, established);
  EXPECT_EQ(s.count_of(Trouble::invalid_flags), 5u);
  s.client("FIN,RST 1");  // acts as a RST
  s.expect(closed, closed);
  EXPECT_EQ(s.count_of(Trouble::invalid_flags), 6u);
}

}  // namespace
