// The two rituals and their variations, told to a whole table.
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

TEST(Rituals, ClientClosesFirst) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101 len 500");
  s.client("ACK 101 ack 501");
  s.client("FIN,ACK 101 ack 501");
  s.server("ACK 501 ack 102");
  s.server("FIN,ACK 501 ack 102");
  s.client("ACK 102 ack 502");
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  s.expect_end(End::orderly, ClosedBy::client);
  s.wait(61s);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT CLOSED",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  EXPECT_EQ(s.table.size(), 0u);
}

TEST(Rituals, ServerClosesFirst) {
  TableStory s;
  s.shake_hands();
  s.server("FIN,ACK 1 ack 1");
  s.client("FIN,ACK 1 ack 2");
  s.server("ACK 2 ack 2");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED",
                     "SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
  s.expect_end(End::orderly, ClosedBy::server);
}

TEST(Rituals, BothCloseAtOnce) {
  TableStory s;
  s.shake_hands();
  const auto client_fin = s.client_sends("FIN,ACK 1 ack 1");
  const auto server_fin = s.server_sends("FIN,ACK 1 ack 1");
  s.deliver(client_fin);
  const auto server_ack = s.server_sends("ACK 2 ack 2");
  s.deliver(server_fin);
  const auto client_ack = s.client_sends("ACK 2 ack 2");
  s.deliver(server_ack);
  s.deliver(client_ack);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT");
  s.expect_end(End::orderly, ClosedBy::both);
  s.wait(61s);
  EXPECT_EQ(s.table.size(), 0u);
}

TEST(Rituals, ServerResets) {
  TableStory s;
  s.shake_hands();
  s.server("RST,ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED");
  s.expect_end(End::reset, ClosedBy::server);
}

TEST(Rituals, Refused) {
  TableStory s;
  s.client("SYN 0");
  s.server_isn = 0;
  s.server("RST,ACK 0 ack 1");
  s.expect_histories("SYN_SENT CLOSED", "");
  s.expect_end(End::refused, ClosedBy::server);
}

TEST(Rituals, ClientResets) {
  TableStory s;
  s.shake_hands();
  s.client("RST,ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED");
  s.expect_end(End::reset, ClosedBy::client);
}

TEST(Rituals, HalfCloseWithData) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 1 ack 2");
  for (int i = 0; i < 5; ++i) {
    s.server("ACK " + std::to_string(1 + 1000 * i) + " ack 2 len 1000");
    s.client("ACK 2 ack " + std::to_string(1001 + 1000 * i));
  }
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2", "SYN_RECEIVED ESTABLISHED CLOSE_WAIT");
  s.server("FIN,ACK 5001 ack 2");
  s.client("ACK 2 ack 5002");
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  s.expect_end(End::orderly, ClosedBy::client);
}

TEST(Rituals, ResetAfterAFin) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 1 ack 2");
  s.server("RST,ACK 1 ack 2");
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 CLOSED", "SYN_RECEIVED ESTABLISHED CLOSE_WAIT CLOSED");
  s.expect_end(End::orderly_reset, ClosedBy::client);
}

TEST(Rituals, SynLost) {
  TableStory s;
  s.client_loses("SYN 0");
  s.wait(1s);
  s.shake_hands();
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  EXPECT_EQ(s.listener.opened.size(), 1u);
  const auto figures = s.table.figures(1);
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->client.retransmissions, 1u);
  EXPECT_EQ(figures->client.retransmissions_by_us, 1u);
  EXPECT_EQ(figures->client.dropped, 1u);
}

TEST(Rituals, SynAckLost) {
  TableStory s;
  s.client("SYN 0");
  s.server_loses("SYN,ACK 0 ack 1");
  s.wait(1s);
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  const auto figures = s.table.figures(1);
  EXPECT_EQ(figures->server.retransmissions_by_us, 1u);
  EXPECT_EQ(figures->client.retransmissions, 1u);
  EXPECT_EQ(figures->client.retransmissions_by_us, 0u) << "the first SYN was delivered";
}

TEST(Rituals, ThirdAckLost) {
  TableStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client_loses("ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED");
  s.client("PSH,ACK 1 ack 1 len 80");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
}

TEST(Rituals, LastAckLost) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client_loses("ACK 2 ack 2");
  s.expect_open(1);
  s.wait(300ms);
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  s.expect_end(End::orderly, ClosedBy::client);
}

TEST(Rituals, FinLostAndRepeated) {
  TableStory s;
  s.shake_hands();
  s.client_loses("FIN,ACK 1 ack 1");
  s.wait(300ms);
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  s.expect_end(End::orderly, ClosedBy::client);
}

TEST(Rituals, ResetLost) {
  TableStory s;
  s.shake_hands();
  s.client_loses("RST,ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED");
  s.wait(100ms);
  s.server("ACK 1 ack 1 len 10");  // it knows nothing of it
  s.client("RST 1");               // a closed port answers
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED");
  s.expect_end(End::reset, ClosedBy::client);
}

TEST(Rituals, SimultaneousOpen) {
  TableStory s;
  const auto client_syn = s.client_sends("SYN 0");
  const auto server_syn = s.server_sends("SYN 0");
  s.deliver(client_syn);
  const auto server_answer = s.server_sends("SYN,ACK 0 ack 1");
  s.deliver(server_syn);
  const auto client_answer = s.client_sends("SYN,ACK 0 ack 1");
  s.deliver(server_answer);
  s.deliver(client_answer);
  s.expect_histories("SYN_SENT SYN_RECEIVED ESTABLISHED", "SYN_SENT SYN_RECEIVED ESTABLISHED");
  EXPECT_EQ(s.listener.opened.size(), 1u);
  const ConnectionFigures figures = *s.table.figures(1);
  EXPECT_EQ(figures.client.retransmissions + figures.server.retransmissions, 0u) << "each SYN-ACK is the first";
  s.client("SYN,ACK 0 ack 1");
  EXPECT_EQ(s.table.figures(1)->tcp.syn_ack_retries, 1u);
}

TEST(Rituals, AConnectionThatWasTakenForEndedLivesOn) {
  TableStory s;
  s.shake_hands();
  s.server("RST,ACK 1 ack 1");
  s.expect_end(End::reset, ClosedBy::server);
  s.wait(200ms);
  s.client("ACK 1 ack 1 len 100");
  ASSERT_EQ(s.listener.reopened.size(), 1u) << s.story();
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED ESTABLISHED", "SYN_RECEIVED ESTABLISHED CLOSED");
  s.server("ACK 1 ack 101 len 50");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED ESTABLISHED", "SYN_RECEIVED ESTABLISHED CLOSED ESTABLISHED");
  s.client("ACK 101 ack 51");
  s.client("FIN,ACK 101 ack 51");
  s.server("FIN,ACK 51 ack 102");
  s.client("ACK 102 ack 52");
  ASSERT_EQ(s.listener.closed.size(), 2u) << s.story();
  s.expect_end(End::orderly, ClosedBy::client, 1);
  EXPECT_EQ(s.listener.closed[1].figures.client.packets_sent, 6u);
  s.wait(60s);
  EXPECT_TRUE(s.listener.late.empty());
}

// A client that repeats its SYN whatever is answered (row 5) makes one attempt of all.
TEST(Rituals, ARefusedClientThatTriesAgainIsRefusedAnew) {
  TableStory s;
  s.server_isn = 0;
  for (int i = 0; i < 3; ++i) {
    s.client("SYN 0");
    s.server("RST,ACK 0 ack 1");
    s.wait(1s);
  }
  EXPECT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.listener.reopened.size(), 2u);
  ASSERT_EQ(s.listener.closed.size(), 3u);
  s.expect_end(End::refused, ClosedBy::server, 2);
  EXPECT_EQ(s.listener.closed[2].figures.client.packets_sent, 3u);
  EXPECT_EQ(s.listener.closed[2].figures.tcp.syn_retries, 2u);
  EXPECT_EQ(s.listener.closed[2].figures.closes.size(), 3u);
}

TEST(Rituals, AtTheEndOfTheLogAClosedSideTellsAHalfOpenConnection) {
  TableStory s;
  s.shake_hands();
  s.server_loses("RST,ACK 1 ack 1");
  s.table.close_all(s.now);
  s.expect_end(End::half_open, ClosedBy::server);
  TableStory living;
  living.shake_hands();
  living.table.close_all(living.now);
  living.expect_end(End::open, ClosedBy::nobody);
}

TEST(Rituals, RefusalLost) {
  TableStory s;
  s.client("SYN 0");
  s.server_isn = 0;
  s.server_loses("RST,ACK 0 ack 1");
  s.expect_histories("SYN_SENT", "");
  s.wait(1s);
  s.client("SYN 0");
  s.server("RST,ACK 0 ack 1");
  s.expect_histories("SYN_SENT CLOSED", "");
  s.expect_end(End::refused, ClosedBy::server);
}

TEST(Rituals, SegmentsAfterAResetOpenNothing) {
  TableStory s;
  s.shake_hands();
  const auto late = s.client_sends("ACK 1 ack 1 len 100", {.delay = 50ms});
  s.server("RST,ACK 1 ack 1");
  s.deliver(late);
  s.server("RST 1");
  EXPECT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.listener.closed.size(), 1u);
  s.wait(9s);
  EXPECT_EQ(s.table.size(), 1u);
  s.wait(2s);
  EXPECT_EQ(s.table.size(), 0u);
}

// Every number of the ritual on the other side of the wrap from the one before it.
TEST(Rituals, SequenceNumbersWrap) {
  for (std::uint32_t isn = 0xfffffffa; isn != 4; ++isn) {
    TableStory s;
    s.new_isns(isn, isn + 1);
    s.shake_hands();
    s.client("ACK 1 ack 1 len 3");
    s.server("ACK 1 ack 4 len 2");
    s.client("FIN,ACK 4 ack 3");
    s.server("FIN,ACK 3 ack 5");
    s.client("ACK 5 ack 4");
    s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                       "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
    s.expect_end(End::orderly, ClosedBy::client);
  }
}

TEST(Rituals, CorruptedSegmentsHaveNoEffectOnTheirReceiver) {
  TableStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.deliver(s.client_sends("ACK 1 ack 1", {.corrupt = true}));
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED");
  s.deliver(s.client_sends("ACK 1 ack 1 len 10", {.corrupt = true}));
  s.deliver(s.client_sends("ACK 1 ack 1 len 10"));
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  EXPECT_EQ(s.table.figures(1)->client.retransmissions_by_us, 1u);
  EXPECT_EQ(s.table.figures(1)->client.corrupted, 2u);
}

TEST(Rituals, DuplicatesHaveNoEffectTwice) {
  TableStory s;
  const auto syn = s.client_sends("SYN 0", {.duplicate = true});
  s.deliver(syn), s.deliver(syn, 1);
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  const auto fin = s.client_sends("FIN,ACK 1 ack 1", {.duplicate = true});
  s.deliver(fin), s.deliver(fin, 1);
  s.server("FIN,ACK 1 ack 2");
  const auto ack = s.client_sends("ACK 2 ack 2", {.duplicate = true});
  s.deliver(ack), s.deliver(ack, 1);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  EXPECT_EQ(s.listener.closed.at(0).figures.client.duplicated, 3u);
}

// A segment that nobody's stack sent, far from where either stands, must not spoil what follows.
TEST(Rituals, ForgedSegmentsDoNotSpoilTheRest) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 900000000 ack 1 len 100");
  s.client("FIN,ACK 800000000 ack 1");
  s.server("FIN,ACK -900000 ack 1");
  s.client("RST 700000000");
  s.server("SYN,ACK 123456 ack 1");
  s.client("ACK 1 ack 1900000000");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  s.expect_end(End::orderly, ClosedBy::client);
}

TEST(Rituals, ZeroWindowAndItsProbes) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 10");
  s.server("ACK 1 ack 11 win 0");
  s.client("ACK 10 ack 1");        // Linux probes with nothing, one below
  s.client("ACK 11 ack 1 len 1");  // others with the next byte
  s.server("ACK 1 ack 11 win 0");
  s.server("ACK 1 ack 11 win 500");
  s.client("ACK 11 ack 1 len 100");
  s.server("ACK 1 ack 111");
  s.client("FIN,ACK 111 ack 1");
  s.server("FIN,ACK 1 ack 112");
  s.client("ACK 112 ack 2");
  s.expect_end(End::orderly, ClosedBy::client);
}

}  // namespace
