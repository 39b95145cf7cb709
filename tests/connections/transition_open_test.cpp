// The transition table's rows 1 to 16, 40 and 43: opening. One test for each row, by its number.
#include <set>

#include "tests/connections/table_story.h"
#include "tests/connections/tracker_story.h"

namespace {

using namespace wobble;
using wobble::testing::TableStory;
using wobble::testing::TrackerStory;
using namespace std::chrono_literals;
using enum TcpState;
constexpr Role kClient = Role::client, kServer = Role::server;

TEST(TransitionTable, HasEveryRowOfTheSpecification) {
  std::set<int> numbers{27};  // the timer
  for (const Row& row : sent_rows()) numbers.insert(row.number);
  for (const Row& row : delivered_rows()) numbers.insert(row.number);
  EXPECT_EQ(numbers.size(), 49u);
  EXPECT_EQ(*numbers.begin(), 1);
  EXPECT_EQ(*numbers.rbegin(), 49);
}

TEST(TransitionTable, Row01_SynOpens) {
  TrackerStory s;
  s.client("SYN 0");
  s.expect_row(1, kClient, none, syn_sent);
  s.expect(syn_sent, none);  // a delivered SYN proves nothing of the server
}

TEST(TransitionTable, Row02_SynRepeated) {
  TrackerStory s;
  s.client_loses("SYN 0");
  s.client("SYN 0");
  s.expect_row(2, kClient, syn_sent, syn_sent);
  EXPECT_FALSE(s.steps.has_change());
  EXPECT_TRUE(s.sending.retransmission);
  EXPECT_TRUE(s.sending.retransmission_by_us);
}

TEST(TransitionTable, Row02_FastOpenRepeatsItsSynWithoutData) {
  TrackerStory s;
  s.client_loses("SYN 0 len 100");
  s.client("SYN 0");
  s.expect_row(2, kClient, syn_sent, syn_sent);
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
  EXPECT_EQ(s.listener.transitions[1].row, 3);
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
  EXPECT_EQ(s.listener.transitions.back().row, 4) << s.story();
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
  EXPECT_EQ(s.listener.transitions.back().row, 4) << s.story();
  s.expect_end(End::superseded, ClosedBy::client);
}

TEST(TransitionTable, Row05_SameSynAfterARefusalIsTheSameAttempt) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("RST,ACK 0 ack 1");
  s.expect(closed, none);
  s.client("SYN 0");
  s.expect_row(5, kClient, closed, syn_sent);
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
  s.expect_row(6, kServer, none, syn_sent);
}

TEST(TransitionTable, Row07_SynInALivingConnectionIsHeld) {
  TrackerStory s;
  s.shake_hands();
  s.client("SYN 5000000");
  s.expect_row(7, kClient, established, established);
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
  EXPECT_EQ(s.listener.transitions[4].row, 8);
  EXPECT_EQ(s.listener.transitions[4].evidence, Evidence::implied);
  EXPECT_EQ(s.listener.transitions[5].row, 8);
}

TEST(TransitionTable, Row09_RstAgainstTheChallengeEndsTheOldConnection) {
  TrackerStory s;
  s.shake_hands();
  s.client("SYN 5000000");
  s.server("ACK 1 ack 1");  // the challenge
  s.client("RST 1");        // seq = what the server acknowledged
  s.expect_row(9, kClient, established, closed);
  s.expect_row(34, kServer, established, closed, Evidence::delivered);
  EXPECT_FALSE(s.connection.has_pending_syn);
}

TEST(TransitionTable, Row10_TrafficInTheOldSpaceShowsTheSynWasForged) {
  TrackerStory s;
  s.shake_hands();
  s.client("SYN 5000000");
  s.client("ACK 1 ack 1 len 10");
  s.expect_row(10, kClient, established, established);
  EXPECT_FALSE(s.connection.has_pending_syn);
}

TEST(TransitionTable, Row11_SynAckProvesTheServer) {
  TrackerStory s;
  s.client("SYN 0");
  s.server_loses("SYN,ACK 0 ack 1");
  s.expect_row(11, kServer, none, syn_received);
  s.expect(syn_sent, syn_received);
}

TEST(TransitionTable, Row11_NotByASynAckForAnotherSyn) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 777");
  s.expect_no_row(11);
  s.expect(syn_sent, none);
}

TEST(TransitionTable, Row12_SynAckOfASimultaneousOpen) {
  TrackerStory s;
  const auto client_syn = s.client_sends("SYN 0");
  const auto server_syn = s.server_sends("SYN 0");
  s.deliver(client_syn);
  const auto server_answer = s.server_sends("SYN,ACK 0 ack 1");
  s.expect_row(12, kServer, syn_sent, syn_received);
  s.deliver(server_syn);
  const auto client_answer = s.client_sends("SYN,ACK 0 ack 1");
  s.expect_row(12, kClient, syn_sent, syn_received);
  s.deliver(server_answer);
  s.deliver(client_answer);
  s.expect(established, established);
}

TEST(TransitionTable, Row13_SynAckRepeated) {
  TrackerStory s;
  s.client("SYN 0");
  s.server_loses("SYN,ACK 0 ack 1");
  s.server("SYN,ACK 0 ack 1");
  s.expect_row(13, kServer, syn_received, syn_received);
  EXPECT_TRUE(s.sending.retransmission_by_us);
}

TEST(TransitionTable, Row13_SynCookieMayChangeItsIsn) {
  TrackerStory s;
  s.client("SYN 0");
  s.server_loses("SYN,ACK 0 ack 1");
  s.server_isn = 42;
  s.server("SYN,ACK 0 ack 1");
  s.expect_row(13, kServer, syn_received, syn_received);
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
  s.expect_row(14, kClient, syn_sent, established);
  s.expect(established, syn_received);
}

TEST(TransitionTable, Row14_ThirdAckThatIsAFin) {
  TrackerStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client_loses("FIN,ACK 1 ack 1 len 5");
  s.expect_row(14, kClient, syn_sent, established);
  s.expect_row(17, kClient, established, fin_wait_1);
}

TEST(TransitionTable, Row15_ThirdAckToASynAckNeverSeen) {
  TrackerStory s;
  s.client("SYN 0");
  s.client_sends("ACK 1 ack 1");
  s.expect_row(15, kClient, syn_sent, established);
  s.expect_row(15, kServer, none, syn_received, Evidence::implied);
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
  s.expect_row(16, kServer, syn_received, established, Evidence::delivered);
}

TEST(TransitionTable, Row16_ASynAckRepeatedAfterwardsTakesItBack) {
  TrackerStory s;
  s.shake_hands();
  s.wait(1s);
  s.server("SYN,ACK 0 ack 1");
  s.expect_row(16, kServer, established, syn_received, Evidence::correction);
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
  s.connection.opened_row = 40;
  s.connection.midstream = true;
  s.client("ACK 1 ack 1 len 10");
  s.expect_row(40, kClient, none, established);
  s.expect(established, none);
  s.server("FIN,ACK 1 ack 11");
  s.expect_row(40, kServer, none, established);
  s.expect_row(17, kServer, established, fin_wait_1);
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
  s.connection.opened_row = 40;
  s.connection.midstream = true;
  s.client("ACK 1 ack 1 win 10");
  s.server("ACK 1 ack 1 win 10");
  EXPECT_TRUE(s.connection.liberal);
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 200001 ack 2");  // far outside the ten bytes that the client seems to offer
  s.expect_no_row(42);
  s.expect(fin_wait_2, close_wait);
}

}  // namespace
