// The figures of api/FIGURES.md that concern TCP alone, each told as a story.
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

void expect_split(const EndpointFigures& f, std::uint32_t by_us, std::uint32_t spurious, std::uint32_t fast,
                  std::uint32_t timeout, const std::string& story) {
  EXPECT_EQ(f.retransmissions_by_us, by_us) << "by us, after" << story;
  EXPECT_EQ(f.retransmissions_spurious, spurious) << "spurious, after" << story;
  EXPECT_EQ(f.retransmissions_fast, fast) << "fast, after" << story;
  EXPECT_EQ(f.retransmissions_timeout(), timeout) << "time-out, after" << story;
}

TEST(TcpFigures, HandshakeTimesNetOfWhatWeAdded) {
  TableStory s;
  s.client_sends("SYN 0");
  s.deliver(0);  // 10 ms
  s.wait(4ms);
  s.server_sends("SYN,ACK 0 ack 1");  // 1 ms later
  s.deliver(1);                       // 10 ms
  s.wait(6ms);
  s.client("ACK 1 ack 1");  // 1 ms later
  const ConnectionFigures f = *s.table.figures(1);
  EXPECT_EQ(f.handshake_rtt_server, 15ms);
  EXPECT_EQ(f.tcp.handshake_rtt_server_net, 5ms);
  EXPECT_EQ(f.handshake_rtt_client, 7ms);
  EXPECT_EQ(f.initial_rtt, 32ms);
  EXPECT_EQ(f.tcp.initial_rtt_net, 12ms);
}

TEST(TcpFigures, UniquePayloadIsSequenceSpace) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 1000");
  s.client("ACK 1 ack 1 len 1000");
  s.client("ACK 1001 ack 1 len 500");
  s.server("ACK 1 ack 1501 len 1000");  // over the wrap: the server's ISN is 2^32 - 256
  s.client("FIN,ACK 1501 ack 1001 len 10");
  s.client("FIN,ACK 1501 ack 1001 len 10");
  EXPECT_EQ(client_of(s).payload_bytes, 2520u);
  EXPECT_EQ(client_of(s).unique_payload_bytes, 1510u);
  EXPECT_EQ(server_of(s).unique_payload_bytes, 1000u);
}

TEST(TcpFigures, ARetransmissionOfWhatWeDroppedIsOurs) {
  TableStory s;
  s.shake_hands();
  s.client_loses("ACK 1 ack 1 len 100");
  for (int i = 0; i < 3; ++i) s.client("ACK " + std::to_string(101 + 100 * i) + " ack 1 len 100");
  for (int i = 0; i < 3; ++i) s.server("ACK 1 ack 1");
  s.client("ACK 1 ack 1 len 100");  // fast, but what counts is that it is ours
  expect_split(client_of(s), 1, 0, 0, 0, s.story());
  EXPECT_EQ(server_of(s).dup_acks, 3u);
}

TEST(TcpFigures, FastAfterTwoDuplicateAcksAndUntilTheRecoveryEnds) {
  TableStory s;
  s.shake_hands();
  s.server("ACK 1 ack 1");
  s.client("ACK 101 ack 1 len 100");  // 1..100 were lost before us
  s.client("ACK 301 ack 1 len 100");  // and 201..300
  s.server("ACK 1 ack 1");
  s.server("ACK 1 ack 1");
  s.wait(100ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(client_of(s), 0, 0, 1, 0, s.story());
  s.server("ACK 1 ack 201");  // a partial acknowledgment
  s.client("ACK 201 ack 1 len 100");
  expect_split(client_of(s), 0, 0, 2, 0, s.story());
  s.server("ACK 1 ack 401");  // all of it: the recovery is over
  s.client("ACK 401 ack 1 len 100");
  s.wait(1s);
  const auto twice = s.client_sends("ACK 401 ack 1 len 100", {.drop = false});
  expect_split(client_of(s), 0, 0, 2, 1, s.story());
  s.deliver(twice);
  EXPECT_EQ(client_of(s).gaps, 2u);
}

TEST(TcpFigures, DuplicateAcksThatWeDropDoNotMakeItFast) {
  TableStory s;
  s.shake_hands();
  s.server("ACK 1 ack 1");
  s.client("ACK 101 ack 1 len 100");
  s.server_loses("ACK 1 ack 1");
  s.server_loses("ACK 1 ack 1");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(client_of(s), 0, 0, 0, 1, s.story());
  EXPECT_EQ(server_of(s).dup_acks, 2u) << "sent, though never delivered";
}

TEST(TcpFigures, SpuriousIsWhatThePeerHasAcknowledged) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 100");
  s.server_loses("ACK 1 ack 101");
  s.client("ACK 1 ack 1 len 100");  // it said so, also if we dropped it
  s.client("ACK 301 ack 1 len 100");
  s.client("ACK 301 ack 1 len 100");  // delivered beyond a gap, but nobody said so
  expect_split(client_of(s), 0, 1, 0, 1, s.story());
}

TEST(TcpFigures, WhatStillWaitsHereIsATimeOut) {
  TableStory s;
  s.shake_hands();
  s.client_sends("ACK 1 ack 1 len 100", {.delay = 10s});
  s.wait(300ms);
  s.client_sends("ACK 1 ack 1 len 100", {.delay = 10s});
  expect_split(client_of(s), 0, 0, 0, 1, s.story());
}

TEST(TcpFigures, SynRetriesAreTimeOutsUnlessOurs) {
  TableStory s;
  s.client("SYN 0");
  s.wait(1s);
  s.client_loses("SYN 0");
  s.wait(1s);
  s.client("SYN 0");
  expect_split(client_of(s), 1, 0, 0, 1, s.story());
  EXPECT_EQ(s.table.figures(1)->tcp.syn_retries, 2u);
  s.server("SYN,ACK 0 ack 1");
  s.server("SYN,ACK 0 ack 1");
  EXPECT_EQ(s.table.figures(1)->tcp.syn_ack_retries, 1u);
}

TEST(TcpFigures, AGapThatIsFilledSoonWasOutOfOrder) {
  TableStory s;
  s.client_sends("SYN 0", {.delay = 1ms}), s.deliver(0);
  s.server_sends("SYN,ACK 0 ack 1", {.delay = 1ms}), s.deliver(1);
  s.client_sends("ACK 1 ack 1");  // the initial round trip is 4 ms
  s.client_sends("ACK 101 ack 1 len 100");
  s.client_sends("ACK 1 ack 1 len 100");  // 1 ms later: overtaken before us
  s.client_sends("ACK 301 ack 1 len 100");
  s.wait(100ms);
  s.client_sends("ACK 201 ack 1 len 100");  // sent again: lost before us
  EXPECT_EQ(client_of(s).out_of_order, 1u);
  EXPECT_EQ(client_of(s).gaps, 2u);
  EXPECT_EQ(client_of(s).retransmissions, 1u);
  EXPECT_EQ(client_of(s).retransmissions_by_us, 0u);
}

TEST(TcpFigures, WhatWeReorderedIsOurs) {
  TableStory s;
  s.shake_hands();
  const auto first = s.client_sends("ACK 1 ack 1 len 100", {.delay = 50ms});
  const auto second = s.client_sends("ACK 101 ack 1 len 100", {.delay = 10ms});
  s.deliver(second), s.deliver(first);
  EXPECT_EQ(client_of(s).out_of_order_by_us, 1u);
  EXPECT_EQ(client_of(s).out_of_order, 0u);
}

TEST(TcpFigures, DuplicateAcks) {
  TableStory s;
  s.shake_hands();
  s.server("ACK 1 ack 1 win 500");
  EXPECT_EQ(server_of(s).dup_acks, 0u) << "nothing is outstanding";
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 1 win 500");
  EXPECT_EQ(server_of(s).dup_acks, 1u);
  s.server("ACK 1 ack 1 win 600");
  EXPECT_EQ(server_of(s).dup_acks, 1u) << "a window update";
  s.server("ACK 1 ack 1 win 700 sack 201");
  EXPECT_EQ(server_of(s).dup_acks, 2u) << "with SACK blocks the window may differ";
  s.server("ACK 1 ack 101 win 700");
  EXPECT_EQ(server_of(s).dup_acks, 2u);
}

TEST(TcpFigures, ZeroWindowEventsAndTime) {
  TableStory s;
  s.shake_hands();
  s.server("ACK 1 ack 1 win 0");  // 1 ms, delivered 10 ms later
  s.wait(100ms);
  s.server("ACK 1 ack 1 win 0");
  s.wait(100ms);
  s.server("ACK 1 ack 1 win 10");  // 10 + 100 + 1 + 10 + 100 + 1
  EXPECT_EQ(server_of(s).zero_windows, 1u);
  EXPECT_EQ(server_of(s).zero_window_time, 222ms);
  s.server("ACK 1 ack 1 win 0");
  s.client("ACK 1 ack 1 len 1");
  EXPECT_EQ(server_of(s).zero_windows, 2u);
  EXPECT_EQ(server_of(s).zero_window_time, 222ms + 11ms) << "it is closed still: up to the last packet";
  EXPECT_EQ(server_of(s).initial_window, 65535u);
  EXPECT_EQ(server_of(s).max_window, 65535u);
}

TEST(TcpFigures, KeepAlivesButNotProbesOfAClosedWindow) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 10");
  s.server("ACK 1 ack 11");
  s.client("ACK 10 ack 1");
  s.client("ACK 10 ack 1 len 1");
  EXPECT_EQ(client_of(s).keep_alives, 2u);
  EXPECT_EQ(client_of(s).payload_bytes, 10u) << "what it carries is no payload";
  s.server("ACK 1 ack 11 win 0");
  s.client("ACK 10 ack 1");
  EXPECT_EQ(client_of(s).keep_alives, 2u) << "a probe of the window";
  EXPECT_EQ(client_of(s).retransmissions, 0u);
}

TEST(TcpFigures, WindowsAndWhatIsInFlight) {
  TableStory s;
  s.client("SYN 0 scale 7 win 1000");
  s.server("SYN,ACK 0 ack 1 scale 2 win 2000");
  s.client("ACK 1 ack 1 win 500");
  EXPECT_EQ(client_of(s).initial_window, 1000u);
  EXPECT_EQ(client_of(s).max_window, 500u << 7);
  s.client("ACK 1 ack 1 len 700");
  s.client("ACK 701 ack 1 len 700");
  s.server_loses("ACK 1 ack 1401 win 900");
  s.client("ACK 1401 ack 1 len 100");
  EXPECT_EQ(client_of(s).max_in_flight, 1500u) << "no acknowledgment reached it";
  EXPECT_EQ(server_of(s).max_window, 900u << 2);
}

TEST(TcpFigures, OptionsOfferedAndEffective) {
  TableStory s;
  s.client("SYN,ECE,CWR 0 mss 1460 scale 7 sackok 1 ts 5 mptcp 0");
  s.server("SYN,ACK,ECE 0 ack 1 mss 1400 sackok 1");
  const ConnectionFigures f = *s.table.figures(1);
  EXPECT_EQ(f.client.offer.mss, 1460);
  EXPECT_TRUE(f.client.offer.has_window_scale);
  EXPECT_EQ(f.client.offer.window_scale, 7);
  EXPECT_TRUE(f.client.offer.sack && f.client.offer.timestamps && f.client.offer.multipath);
  EXPECT_EQ(f.client.offer.ecn, Ecn::classic);
  EXPECT_EQ(f.server.offer.mss, 1400);
  const TcpAgreement agreed = agreement_of(f.client.offer, f.server.offer, f.tcp.fast_open_accepted);
  EXPECT_FALSE(agreed.window_scale || agreed.timestamps || agreed.multipath || agreed.fast_open);
  EXPECT_TRUE(agreed.sack);
  EXPECT_EQ(agreed.ecn, Ecn::classic);
}

TEST(TcpFigures, AccurateEcn) {  // RFC 9768, table 2
  const auto agreed = [](const char* syn, const char* syn_ack) {
    TableStory s;
    s.client(std::string(syn) + " 0");
    s.server(std::string(syn_ack) + " 0 ack 1");
    const ConnectionFigures f = *s.table.figures(1);
    return agreement_of(f.client.offer, f.server.offer, false).ecn;
  };
  EXPECT_EQ(agreed("SYN,AE,CWR,ECE", "SYN,ACK,CWR"), Ecn::accurate);
  EXPECT_EQ(agreed("SYN,AE,CWR,ECE", "SYN,ACK,CWR,ECE"), Ecn::accurate);
  EXPECT_EQ(agreed("SYN,AE,CWR,ECE", "SYN,ACK,AE"), Ecn::accurate);
  EXPECT_EQ(agreed("SYN,AE,CWR,ECE", "SYN,ACK,AE,CWR"), Ecn::accurate);
  EXPECT_EQ(agreed("SYN,AE,CWR,ECE", "SYN,ACK,ECE"), Ecn::classic);
  EXPECT_EQ(agreed("SYN,AE,CWR,ECE", "SYN,ACK"), Ecn::none);
  EXPECT_EQ(agreed("SYN,AE,CWR,ECE", "SYN,ACK,AE,CWR,ECE"), Ecn::none) << "broken: it reflects";
  EXPECT_EQ(agreed("SYN,CWR,ECE", "SYN,ACK,ECE"), Ecn::classic);
  EXPECT_EQ(agreed("SYN", "SYN,ACK,ECE"), Ecn::none);
}

TEST(TcpFigures, FastOpen) {
  TableStory s;
  s.client("SYN 0 mss 1460 tfo 10 len 100");
  s.server("SYN,ACK 0 ack 101 mss 1460");
  ConnectionFigures f = *s.table.figures(1);
  EXPECT_EQ(f.client.offer.fast_open, FastOpen::cookie);
  EXPECT_TRUE(f.client.offer.data_in_syn);
  EXPECT_TRUE(f.tcp.fast_open_accepted);
  EXPECT_EQ(f.client.unique_payload_bytes, 100u);
  TableStory refused;
  refused.client("SYN 0 mss 1460 tfo 0 len 100");
  refused.server("SYN,ACK 0 ack 1 mss 1460");
  refused.client("ACK 1 ack 1 len 100");
  f = *refused.table.figures(1);
  EXPECT_EQ(f.client.offer.fast_open, FastOpen::request);
  EXPECT_FALSE(f.tcp.fast_open_accepted);
  EXPECT_EQ(f.client.unique_payload_bytes, 100u) << "the data is sent again, not more of it";
}

TEST(TcpFigures, WhoClosedFirstByWhatWasSent) {
  TableStory s;
  s.shake_hands();
  s.server("RST 5000000");  // implausible: no state changes
  EXPECT_EQ(s.table.figures(1)->tcp.closed_first, ClosedBy::server);
  EXPECT_EQ(s.table.figures(1)->tcp.rst_implausible, 1u);
  TableStory both;
  both.shake_hands();
  const auto fin = both.client_sends("FIN,ACK 1 ack 1");
  both.server("FIN,ACK 1 ack 1");
  both.deliver(fin);
  EXPECT_EQ(both.table.figures(1)->tcp.closed_first, ClosedBy::both);
  TableStory one;
  one.shake_hands();
  one.client("FIN,ACK 1 ack 1");
  one.server("FIN,ACK 1 ack 2");
  EXPECT_EQ(one.table.figures(1)->tcp.closed_first, ClosedBy::client);
}

TEST(TcpFigures, ClosingSegmentsInOrderWithTheirFate) {
  TableStory s;
  s.shake_hands();
  s.client_loses("FIN,ACK 1 ack 1");
  const TimePoint fin_at = s.now;
  s.client("FIN,ACK 1 ack 1");  // the same FIN once more
  s.server("RST 1");
  s.server("RST 1");
  const CloseSegments closes = s.table.figures(1)->closes;
  ASSERT_EQ(closes.size(), 3u) << s.story();
  EXPECT_EQ(closes[0], (CloseSegment{fin_at, Role::client, CloseKind::fin, false}));
  EXPECT_EQ(closes[1].kind, CloseKind::rst);
  EXPECT_EQ(closes[1].side, Role::server);
  EXPECT_TRUE(closes[1].is_delivered);
  for (int i = 0; i < 100; ++i) s.server("RST 1");
  EXPECT_EQ(s.table.figures(1)->closes.size(), CloseSegments::kMax);
  EXPECT_EQ(s.table.figures(1)->closes.left_out(), 102u - 15u);
}

// What was in flight when a side gave up, and what that is answered by, belong to the connection too.
TEST(TcpFigures, OfWhatComesBehindTheEndAreToldWhenItIsForgotten) {
  TableStory s;
  s.shake_hands();
  const std::size_t in_flight = s.client_sends("ACK 1 ack 1 len 100", {.delay = 50ms});
  s.server("RST,ACK 1 ack 1");
  s.expect_end(End::reset, ClosedBy::server);
  EXPECT_EQ(s.listener.closed[0].figures.closes.size(), 1u);
  EXPECT_EQ(s.listener.closed[0].figures.client.packets_delivered, 2u);
  s.deliver(in_flight);
  s.server("RST 1");
  s.client_loses("ACK 1 ack 1 len 100");
  EXPECT_TRUE(s.listener.late.empty());
  s.wait(10s);
  ASSERT_EQ(s.listener.late.size(), 1u) << s.story();
  const LateFigures& late = s.listener.late[0];
  EXPECT_EQ(late.id, 1u);
  EXPECT_EQ(late.client_state, TcpState::closed);
  EXPECT_EQ(late.server_state, TcpState::closed);
  EXPECT_EQ(late.figures.closes.size(), 2u);
  EXPECT_TRUE(late.figures.closes[1].is_delivered);
  EXPECT_EQ(late.figures.client.packets_sent, 4u);
  EXPECT_EQ(late.figures.client.packets_delivered, 3u);
  EXPECT_EQ(late.figures.client.dropped, 1u);
  EXPECT_EQ(late.figures.server.packets_sent, 3u);
  EXPECT_EQ(s.listener.closed.size(), 1u) << "the end is told once";
}

TEST(TcpFigures, OfAConnectionWithNothingBehindItsEndAreToldOnce) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  s.wait(60s);
  EXPECT_EQ(s.table.size(), 0u);
  EXPECT_EQ(s.listener.closed.size(), 1u);
  EXPECT_TRUE(s.listener.late.empty());
}

TEST(TcpFigures, AFinThatWasNoneTakesNoNumber) {  // row 39
  TableStory s;
  s.shake_hands();
  s.client_sends("FIN,ACK 1 ack 1");
  s.client("ACK 1 ack 1 len 11");
  EXPECT_EQ(client_of(s).unique_payload_bytes, 11u) << s.story();
}

TEST(TcpFigures, HistoryOfALife) {
  TableStory s;
  s.shake_hands();
  s.client_loses("ACK 1 ack 1 len 100");
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101 win 0");
  s.client("FIN,ACK 101 ack 1");
  s.server("FIN,ACK 1 ack 102");
  s.client("ACK 102 ack 2");
  const TcpFacts facts = s.table.figures(1)->tcp;
  EXPECT_EQ(facts.history.text(), "ShADTawFf");
  EXPECT_EQ(facts.conn_state, ConnState::sf);
  EXPECT_TRUE(facts.syn && facts.syn_ack);
}

TEST(TcpFigures, ABadChecksumIsCountedAndConcludesNothing) {
  TableStory s;
  const PacketBytes syn = tcp_packet(1, 40000, 0x101, 80, read_segment("SYN 0", 0, 0).segment);
  s.table.arrive(syn.view, Side::near, s.now);
  s.table.bad_checksum(syn.view, Side::near);
  const ConnectionFigures f = *s.table.figures(1);
  EXPECT_EQ(f.tcp.bad_checksum, 1u);
  EXPECT_EQ(f.tcp.history.text(), "C");
  EXPECT_FALSE(f.tcp.syn);
  EXPECT_TRUE(s.listener.transitions.empty());
}

}  // namespace
