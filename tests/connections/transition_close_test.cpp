// The transition table's rows 17 to 27: closing. One test for each row, by its number.
#include "tests/connections/tracker_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;
using namespace std::chrono_literals;
using enum TcpState;

struct Closing : TrackerStory {
  Closing() { shake_hands(); }
  /// The client is in TIME_WAIT, the server CLOSED.
  void close() {
    client("FIN,ACK 1 ack 1");
    server("FIN,ACK 1 ack 2");
    client("ACK 2 ack 2");
    expect(time_wait, closed);
  }
};

TEST(TransitionTable, Row17_FinCloses) {
  Closing s;
  s.client_loses("FIN,ACK 1 ack 1");
  s.expect_row(Rule::fin, kClient, established, fin_wait_1);
  s.expect(fin_wait_1, established);
}

TEST(TransitionTable, Row17_FastOpenServerClosesBeforeTheThirdAck) {
  TrackerStory s;
  s.client("SYN 0 len 10");
  s.server("SYN,ACK 0 ack 11");
  s.server("FIN,ACK 1 ack 11 len 100");
  s.expect_row(Rule::fin, kServer, syn_received, fin_wait_1);
}

TEST(TransitionTable, Row18_AckOfTheFin) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.expect(fin_wait_1, established);  // a delivered FIN alone may be out of order
  s.server_loses("ACK 1 ack 2");
  s.expect_row(Rule::peer_fin_acknowledged, kServer, established, close_wait);
}

TEST(TransitionTable, Row18_ThenRow19_CloseInThreeSegments) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.server_sends("FIN,ACK 1 ack 2");
  s.expect_row(Rule::peer_fin_acknowledged, kServer, established, close_wait);
  s.expect_row(Rule::second_fin, kServer, close_wait, last_ack);
}

TEST(TransitionTable, Row18_NotByAnAckBelowTheFin) {
  Closing s;
  s.client_loses("ACK 1 ack 1 len 10");
  s.client("FIN,ACK 11 ack 1");  // ahead of the data we dropped
  s.server("ACK 1 ack 1");       // a duplicate ACK: the FIN is out of order
  s.expect(fin_wait_1, established);
  s.client("ACK 1 ack 1 len 10");
  s.server("ACK 1 ack 12");
  s.expect(fin_wait_2, close_wait);
}

TEST(TransitionTable, Row19_FinAfterTheAck) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 1 ack 2");
  s.server("ACK 1 ack 2 len 1000");  // half-closed: data still flows
  s.client("ACK 2 ack 1001");
  s.expect(fin_wait_2, close_wait);
  s.server_loses("FIN,ACK 1001 ack 2");
  s.expect_row(Rule::second_fin, kServer, close_wait, last_ack);
}

TEST(TransitionTable, Row20_FinRepeated) {
  Closing s;
  s.client_loses("FIN,ACK 1 ack 1");
  s.client("FIN,ACK 1 ack 1");
  s.expect_row(Rule::fin_again, kClient, fin_wait_1, fin_wait_1);
  EXPECT_TRUE(s.sending.retransmission_by_us);
  s.expect(fin_wait_1, established);
}

TEST(TransitionTable, Row21_AckOfTheFinDelivered) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  const auto ack = s.server_sends("ACK 1 ack 2");
  s.expect(fin_wait_1, close_wait);
  s.deliver(ack);
  s.expect_row(Rule::fin_acknowledged, kClient, fin_wait_1, fin_wait_2, Evidence::delivered);
}

TEST(TransitionTable, Row22_SimultaneousClose) {
  Closing s;
  s.client_sends("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 1");
  s.client_sends("ACK 2 ack 2");
  s.expect_row(Rule::simultaneous_close, kClient, fin_wait_1, closing);
  EXPECT_EQ(s.connection.closed_by, ClosedBy::both);
}

// The kernel acknowledges a FIN at once or some 40 ms later, and what it sends waits in a queue until we read it.
TEST(TransitionTable, Row22_IsImpliedWhenTheAckIsLate) {
  Closing s;
  s.client_sends("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 1");  // delivered: the client is CLOSING, but its ACK is still to come
  s.deliver(s.server_sends("ACK 2 ack 2"));
  s.expect_row(Rule::simultaneous_close, kClient, fin_wait_1, closing, Evidence::implied);
  s.expect_row(Rule::closing_acknowledged, kClient, closing, time_wait, Evidence::delivered);
  s.client("ACK 2 ack 2");
  s.expect(time_wait, time_wait);
}

TEST(TransitionTable, Row18_IsImpliedByARstBehindTheFin) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.client("RST,ACK 2 ack 1");
  s.expect_row(Rule::peer_fin_acknowledged, kServer, established, close_wait, Evidence::implied);
  s.expect_row(Rule::reset_accepted, kServer, close_wait, closed, Evidence::delivered);
}

TEST(TransitionTable, Row18_IsImpliedByARstThatAcknowledgesTheFin) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.server("RST,ACK 1 ack 2");
  s.expect_row(Rule::peer_fin_acknowledged, kServer, established, close_wait, Evidence::implied);
  s.expect_row(Rule::reset_sent, kServer, close_wait, closed);
}

TEST(TransitionTable, Row23_AckOfTheSecondFin) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.expect(fin_wait_2, last_ack);
  s.client_loses("ACK 2 ack 2");
  s.expect_row(Rule::last_fin_acknowledged, kClient, fin_wait_2, time_wait);
  s.expect(time_wait, last_ack);
}

TEST(TransitionTable, Row24_AckOfTheFinAfterASimultaneousClose) {
  Closing s;
  const auto client_fin = s.client_sends("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 1");
  s.client("ACK 2 ack 2");
  s.deliver(client_fin);
  s.server("ACK 2 ack 2");
  s.expect_row(Rule::closing_acknowledged, kClient, closing, time_wait, Evidence::delivered);
}

TEST(TransitionTable, Row25_TheEnd) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  const auto ack = s.client_sends("ACK 2 ack 2");
  s.expect(time_wait, last_ack);
  s.deliver(ack);
  s.expect_row(Rule::last_ack_arrived, kServer, last_ack, closed, Evidence::delivered);
}

TEST(TransitionTable, Row25_NotByAChallengeAck) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client_loses("ACK 2 ack 2");
  s.server("SYN 9000000");  // the server's stack has forgotten; a new one calls
  s.client("ACK 2 ack 2");  // the challenge
  s.expect_no_row(Rule::last_ack_arrived);
  s.expect(time_wait, last_ack);
}

TEST(TransitionTable, Row26_AckOfARepeatedFinRestarts2Msl) {
  Closing s;
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client_loses("ACK 2 ack 2");
  s.wait(30s);
  s.server("FIN,ACK 1 ack 2");
  s.expect_row(Rule::fin_again, kServer, last_ack, last_ack);
  s.client("ACK 2 ack 2");
  s.expect_row(Rule::time_wait_again, kClient, time_wait, time_wait);
  s.wait(59s);
  s.expect(time_wait, closed);
  s.wait(2s);
  s.expect(closed, closed);
}

TEST(TransitionTable, Row26_NotByAnyOtherAck) {
  Closing s;
  s.close();
  s.wait(30s);
  s.client("ACK 2 ack 2");
  s.expect_no_row(Rule::time_wait_again);
  s.wait(31s);
  s.expect(closed, closed);
}

TEST(TransitionTable, Row27_TimeWaitRunsOut) {
  Closing s;
  s.close();
  s.wait(59s);
  s.expect(time_wait, closed);
  EXPECT_TRUE(s.wait(1s));
  s.expect_row(Rule::time_wait_over, kClient, time_wait, closed, Evidence::timer);
}

}  // namespace
