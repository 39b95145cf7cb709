// The transition table's rows 1 to 16, 40 and 43: opening. One test for each row, by its number.
#include "tests/connections/table_story.h"
#include "tests/connections/tracker_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;
using namespace std::chrono_literals;
using enum TcpState;

TEST(TransitionTable, Row01_SynOpens) {
  TrackerStory s;
  s.client("SYN 0");
  s.expect_row(Rule::syn, kClient, none, syn_sent);
  s.expect(syn_sent, none);  // a delivered SYN proves nothing of the server
}

TEST(TransitionTable, Row02_SynRepeated) {
  TrackerStory s;
  s.client_loses("SYN 0");
  s.client("SYN 0");
  s.expect_row(Rule::syn_again, kClient, syn_sent, syn_sent);
  EXPECT_FALSE(s.steps.has_change());
  EXPECT_TRUE(s.sending.retransmission);
  EXPECT_TRUE(s.sending.retransmission_by_us);
}

TEST(TransitionTable, Row02_FastOpenRepeatsItsSynWithoutData) {
  TrackerStory s;
  s.client_loses("SYN 0 len 100");
  s.client("SYN 0");
  s.expect_row(Rule::syn_again, kClient, syn_sent, syn_sent);
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1 len 100");
  s.expect(established, established);
}

TEST(TransitionTable, Row03_SynOfAClientThatBeganAnew) {
  TableStory s;
  s.client("SYN 0");
  s.new_isns(5'000'000, 1);
  s.client("SYN 0");
  ASSERT_EQ(s.listener.transitions.size(), 2u) << s.story();
  EXPECT_EQ(s.listener.transitions[1].row, Rule::restart);
  s.expect_end(End::superseded, ClosedBy::nobody);
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  s.expect_histories("SYN_SENT", "", 0);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED", 1);
}

TEST(TransitionTable, Row04_PortReusedInTimeWait) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  s.expect_end(End::orderly, ClosedBy::client);
  s.new_isns(9'000'000, 7'000'000);
  s.client("SYN 0");
  EXPECT_EQ(s.listener.transitions.back().row, Rule::port_reuse) << s.story();
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED", 1);
  EXPECT_EQ(s.table.size(), 1u);
  EXPECT_EQ(s.listener.closed.size(), 1u) << "the old one was told already, " << s.story();
}

TEST(TransitionTable, Row04_PortReusedWhileTheServerStillAnswersTheOldSyn) {
  TableStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client_loses("RST 1");
  s.new_isns(9'000'000, 7'000'000);
  s.client("SYN 0");
  EXPECT_EQ(s.listener.transitions.back().row, Rule::port_reuse) << s.story();
  s.expect_end(End::superseded, ClosedBy::client);
}

TEST(TransitionTable, Row05_SameSynAfterARefusalIsTheSameAttempt) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("RST,ACK 0 ack 1");
  s.expect(closed, none);
  s.client("SYN 0");
  s.expect_row(Rule::syn_after_refusal, kClient, closed, syn_sent);
  s.server("RST,ACK 0 ack 1");
  s.expect(closed, none);
}

TEST(TransitionTable, Row05_AnAttemptThatSucceedsAfterItWasToldRefusedIsStillTheSame) {
  TableStory s;
  s.client("SYN 0");
  s.server("RST,ACK 0 ack 1");
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  s.expect_end(End::refused, ClosedBy::server);
  s.expect_histories("SYN_SENT CLOSED SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  EXPECT_EQ(s.listener.closed.size(), 1u);
  EXPECT_EQ(s.listener.reopened.size(), 1u);
}

TEST(TransitionTable, Row06_SecondSynOfASimultaneousOpen) {
  TrackerStory s;
  s.client_sends("SYN 0");
  s.server_sends("SYN 0");
  s.expect_row(Rule::simultaneous_open, kServer, none, syn_sent);
}

TEST(TransitionTable, Row07_SynInALivingConnectionIsHeld) {
  TrackerStory s;
  s.shake_hands();
  s.client("SYN 5000000");
  s.expect_row(Rule::syn_within, kClient, established, established);
  EXPECT_TRUE(s.connection.has_pending_syn);
  s.expect(established, established);
}

TEST(TransitionTable, Row08_HeldSynThatIsAnsweredBeginsAnew) {
  TableStory s;
  s.shake_hands();
  s.new_isns(5'000'000, 6'000'000);
  s.client("SYN 0");
  s.expect_open(1);
  s.server("SYN,ACK 0 ack 1");
  s.expect_end(End::superseded, ClosedBy::nobody);
  s.client("ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED", 1);
  ASSERT_GE(s.listener.transitions.size(), 6u);
  EXPECT_EQ(s.listener.transitions[4].row, Rule::syn_within_answered);
  EXPECT_EQ(s.listener.transitions[4].evidence, Evidence::implied);
  EXPECT_EQ(s.listener.transitions[5].row, Rule::syn_within_answered);
}

TEST(TransitionTable, Row09_RstAgainstTheChallengeEndsTheOldConnection) {
  TrackerStory s;
  s.shake_hands();
  s.client("SYN 5000000");
  s.server("ACK 1 ack 1");  // the challenge
  s.client("RST 1");        // seq = what the server acknowledged
  s.expect_row(Rule::challenge_rejected, kClient, established, closed);
  s.expect_row(Rule::reset_accepted, kServer, established, closed, Evidence::delivered);
  EXPECT_FALSE(s.connection.has_pending_syn);
}

TEST(TransitionTable, Row10_TrafficInTheOldSpaceShowsTheSynWasForged) {
  TrackerStory s;
  s.shake_hands();
  s.client("SYN 5000000");
  s.client("ACK 1 ack 1 len 10");
  s.expect_row(Rule::syn_within_belied, kClient, established, established);
  EXPECT_FALSE(s.connection.has_pending_syn);
}

TEST(TransitionTable, Row11_SynAckProvesTheServer) {
  TrackerStory s;
  s.client("SYN 0");
  s.server_loses("SYN,ACK 0 ack 1");
  s.expect_row(Rule::syn_ack, kServer, none, syn_received);
  s.expect(syn_sent, syn_received);
}

TEST(TransitionTable, Row11_NotByASynAckForAnotherSyn) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 777");
  s.expect_no_row(Rule::syn_ack);
  s.expect(syn_sent, none);
}

TEST(TransitionTable, Row12_SynAckOfASimultaneousOpen) {
  TrackerStory s;
  const auto client_syn = s.client_sends("SYN 0");
  const auto server_syn = s.server_sends("SYN 0");
  s.deliver(client_syn);
  const auto server_answer = s.server_sends("SYN,ACK 0 ack 1");
  s.expect_row(Rule::syn_ack_against_syn, kServer, syn_sent, syn_received);
  s.deliver(server_syn);
  const auto client_answer = s.client_sends("SYN,ACK 0 ack 1");
  s.expect_row(Rule::syn_ack_against_syn, kClient, syn_sent, syn_received);
  s.deliver(server_answer);
  s.deliver(client_answer);
  s.expect(established, established);
}

TEST(TransitionTable, Row13_SynAckRepeated) {
  TrackerStory s;
  s.client("SYN 0");
  s.server_loses("SYN,ACK 0 ack 1");
  s.server("SYN,ACK 0 ack 1");
  s.expect_row(Rule::syn_ack_again, kServer, syn_received, syn_received);
  EXPECT_TRUE(s.sending.retransmission_by_us);
}

TEST(TransitionTable, Row13_SynCookieMayChangeItsIsn) {
  TrackerStory s;
  s.client("SYN 0");
  s.server_loses("SYN,ACK 0 ack 1");
  s.server_isn = 42;
  s.server("SYN,ACK 0 ack 1");
  s.expect_row(Rule::syn_ack_again, kServer, syn_received, syn_received);
  EXPECT_FALSE(s.sending.retransmission);
  s.client("ACK 1 ack 1");
  s.expect(established, established);
}

TEST(TransitionTable, Row14_ThirdAckProvesTheClientEvenIfDropped) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.expect(syn_sent, syn_received);
  s.client_loses("ACK 1 ack 1");
  s.expect_row(Rule::third_ack, kClient, syn_sent, established);
  s.expect(established, syn_received);
}

TEST(TransitionTable, Row14_ThirdAckThatIsAFin) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client_loses("FIN,ACK 1 ack 1 len 5");
  s.expect_row(Rule::third_ack, kClient, syn_sent, established);
  s.expect_row(Rule::fin, kClient, established, fin_wait_1);
}

TEST(TransitionTable, Row15_ThirdAckToASynAckNeverSeen) {
  TrackerStory s;
  s.client("SYN 0");
  s.client_sends("ACK 1 ack 1");
  s.expect_row(Rule::syn_ack_unseen, kClient, syn_sent, established);
  s.expect_row(Rule::syn_ack_unseen, kServer, none, syn_received, Evidence::implied);
  s.deliver_last();
  s.expect(established, established);
}

TEST(TransitionTable, Row16_DeliveredThirdAckOpensTheServer) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  const auto ack = s.client_sends("ACK 1 ack 1");
  s.expect(established, syn_received);
  s.deliver(ack);
  s.expect_row(Rule::syn_acknowledged, kServer, syn_received, established, Evidence::delivered);
}

TEST(TransitionTable, Row16_ASynAckRepeatedAfterwardsTakesItBack) {
  TrackerStory s;
  s.shake_hands();
  s.wait(1s);
  s.server("SYN,ACK 0 ack 1");
  s.expect_row(Rule::syn_acknowledged, kServer, established, syn_received, Evidence::correction);
  s.client("ACK 1 ack 1");
  s.expect(established, established);
}

TEST(TransitionTable, Row16_NotOnceTheServerHasSpoken) {
  TrackerStory s;
  s.shake_hands();
  s.server("ACK 1 ack 1 len 10");
  s.wait(1s);
  s.server("SYN,ACK 0 ack 1");
  s.expect(established, established);
}

TEST(TransitionTable, Row40_PickedUpInTheMiddle) {
  TrackerStory s;
  s.connection.opened_rule = Rule::midstream;
  s.connection.midstream = true;
  s.client("ACK 1 ack 1 len 10");
  s.expect_row(Rule::midstream, kClient, none, established);
  s.expect(established, none);
  s.server("FIN,ACK 1 ack 11");
  s.expect_row(Rule::midstream, kServer, none, established);
  s.expect_row(Rule::fin, kServer, established, fin_wait_1);
}

TEST(TransitionTable, Row40_ALoneRstOpensNothing) {
  TableStory s;
  s.client("RST 1");
  EXPECT_EQ(s.table.size(), 0u);
  EXPECT_TRUE(s.listener.opened.empty());
}

TEST(TransitionTable, Row40_TheServerIsWhoHasTheLowPort) {
  TableStory s;
  s.server("ACK 1 ack 1 len 10");
  ASSERT_EQ(s.listener.opened.size(), 1u);
  EXPECT_TRUE(s.listener.opened[0].midstream);
  EXPECT_EQ(s.listener.opened[0].client_side, Side::near);
  EXPECT_EQ(s.listener.opened[0].server.port, 80);
}

TEST(TransitionTable, Row43_PickedUpConnectionsAreNotJudgedByTheirWindow) {
  TrackerStory s;
  s.connection.opened_rule = Rule::midstream;
  s.connection.midstream = true;
  s.client("ACK 1 ack 1 win 10");
  s.server("ACK 1 ack 1 win 10");
  EXPECT_TRUE(s.connection.liberal);
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 200001 ack 2");  // far outside the ten bytes that the client seems to offer
  s.expect_no_row(Rule::outside_window);
  s.expect(fin_wait_2, close_wait);
}

}  // namespace
