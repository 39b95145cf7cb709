// What is counted and timed, and which segments are told.
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

TEST(Figures, HandshakeTimes) {
  TableStory s;
  s.client_sends("SYN 0");
  s.deliver(0);  // 10 ms
  s.wait(4ms);
  s.server_sends("SYN,ACK 0 ack 1");  // 1 ms later
  s.deliver(1);                       // 10 ms
  s.wait(6ms);
  s.client("ACK 1 ack 1");  // 1 ms later
  const ConnectionFigures figures = *s.table.figures(1);
  EXPECT_EQ(figures.handshake_rtt_server, 15ms);
  EXPECT_EQ(figures.handshake_rtt_client, 7ms);
  EXPECT_EQ(figures.initial_rtt, 32ms);
}

TEST(Figures, ADroppedSynDoesNotMakeTheTimeAmbiguous) {
  TableStory s;
  s.client_loses("SYN 0");
  s.wait(1s);
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  EXPECT_EQ(s.table.figures(1)->handshake_rtt_server, 11ms) << "from the SYN that was delivered";
}

TEST(Figures, TwoDeliveredSynsDo) {
  TableStory s;
  s.client("SYN 0");
  s.wait(1s);
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  EXPECT_EQ(s.table.figures(1)->handshake_rtt_server, 0ns) << "Karn";
  EXPECT_EQ(s.table.figures(1)->handshake_rtt_client, 1ms);
}

TEST(Figures, PacketsAndBytes) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 1000");
  s.client_loses("ACK 1001 ack 1 len 500");
  const auto twice = s.client_sends("ACK 1501 ack 1 len 100", {.duplicate = true});
  s.deliver(twice), s.deliver(twice, 1);
  const ConnectionFigures figures = *s.table.figures(1);
  EXPECT_EQ(figures.client.packets_sent, 5u);
  EXPECT_EQ(figures.client.bytes_sent, 44u + 40 + 1040 + 540 + 140);
  EXPECT_EQ(figures.client.packets_delivered, 5u);
  EXPECT_EQ(figures.client.bytes_delivered, 44u + 40 + 1040 + 2 * 140);
  EXPECT_EQ(figures.client.payload_bytes, 1600u);
  EXPECT_EQ(figures.client.dropped, 1u);
  EXPECT_EQ(figures.client.duplicated, 1u);
  EXPECT_EQ(figures.server.packets_sent, 1u);
}

TEST(Figures, WhatAResetCarriesIsNoPayload) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 10");
  s.client("RST,ACK 11 ack 1 len 6");
  const ConnectionFigures figures = *s.table.figures(1);
  EXPECT_EQ(figures.client.payload_bytes, 10u);
  EXPECT_EQ(figures.client.unique_payload_bytes, 10u);
}

TEST(Figures, RetransmissionsByUsAreThoseWeDropped) {
  TableStory s;
  s.shake_hands();
  s.client_loses("ACK 1 ack 1 len 100");
  s.client("ACK 101 ack 1 len 100");
  s.client_loses("ACK 201 ack 1 len 100");
  s.client("ACK 1 ack 1 len 100");          // by us
  s.client("ACK 101 ack 1 len 100");        // spurious
  s.client_loses("ACK 201 ack 1 len 100");  // by us, and dropped again
  s.client("ACK 201 ack 1 len 100");        // by us
  s.server("ACK 1 ack 301");
  s.client("ACK 201 ack 1 len 100");  // spurious
  const EndpointFigures client = s.table.figures(1)->client;
  EXPECT_EQ(client.retransmissions, 5u);
  EXPECT_EQ(client.retransmissions_by_us, 3u);
}

TEST(Figures, DroppedInFlightCountsAsOurs) {
  TableStory s;
  s.shake_hands();
  const auto data = s.client_sends("ACK 1 ack 1 len 100");
  s.lose(data, DropReason::outage);
  s.client("ACK 1 ack 1 len 100");
  EXPECT_EQ(s.table.figures(1)->client.retransmissions_by_us, 1u);
  EXPECT_EQ(s.table.figures(1)->client.dropped, 1u);
}

TEST(Figures, KeepAliveIsNoRetransmissionButALostByteIs) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 1");
  s.server("ACK 1 ack 2");
  s.client("ACK 1 ack 1 len 1");  // acknowledged long ago: a keep-alive
  EXPECT_EQ(s.table.figures(1)->client.retransmissions, 0u);
  s.client_loses("ACK 2 ack 1 len 1");
  s.client("ACK 2 ack 1 len 1");
  EXPECT_EQ(s.table.figures(1)->client.retransmissions_by_us, 1u);
}

TEST(Segments, RitualsAreToldWithTheirFate) {
  TableStory s;
  s.client_loses("SYN 0");
  s.client("SYN 0");
  ASSERT_EQ(s.listener.segments.size(), 2u);
  const SegmentRecord& dropped = s.listener.segments[0];
  EXPECT_EQ(dropped.fate, FateWord::dropped);
  EXPECT_EQ(dropped.drop, DropReason::loss);
  EXPECT_EQ(dropped.delivered_at, kNever);
  EXPECT_FALSE(dropped.retransmission);
  const SegmentRecord& repeated = s.listener.segments[1];
  EXPECT_EQ(repeated.fate, FateWord::delayed);
  EXPECT_EQ(repeated.delivered_at - repeated.sent_at, 10ms);
  EXPECT_TRUE(repeated.retransmission) << "known when it arrived, told when it left";
}

TEST(Segments, TheTransitionCarriesTheSegmentAndItsFate) {
  TableStory s;
  s.client_loses("SYN 0");
  const Transition& t = s.listener.transitions.at(0);
  ASSERT_TRUE(t.has_segment);
  EXPECT_EQ(t.segment.fate, FateWord::dropped);
  EXPECT_EQ(t.segment.drop, DropReason::loss);
  EXPECT_EQ(t.segment.tcp.seq, s.client_isn);
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  EXPECT_EQ(s.listener.transitions.at(1).segment.fate, FateWord::delayed);
}

TEST(Segments, EachCopyOfADuplicateIsTold) {
  TableStory s;
  const auto syn = s.client_sends("SYN 0", {.duplicate = true});
  s.deliver(syn), s.deliver(syn, 1);
  ASSERT_EQ(s.listener.segments.size(), 2u);
  EXPECT_EQ(s.listener.segments[0].copy, 0);
  EXPECT_EQ(s.listener.segments[1].copy, 1);
  EXPECT_EQ(s.listener.segments[1].fate, FateWord::duplicated);
}

TEST(Segments, OfPlainOnesTheFirstSixteenUnlessFollowed) {
  TableStory s;
  s.shake_hands();
  const std::size_t ritual = s.listener.segments.size();
  EXPECT_EQ(ritual, 3u);
  int at = 1;
  const auto plain = [&](int count) {
    for (int i = 0; i < count; ++i, ++at) s.client("ACK " + std::to_string(at) + " ack 1 len 1");
  };
  plain(40);
  EXPECT_EQ(s.listener.segments.size(), ritual + 16);
  EXPECT_TRUE(s.table.follow(1));
  EXPECT_FALSE(s.table.follow(2));
  plain(40);
  EXPECT_EQ(s.listener.segments.size(), ritual + 16 + 40);
}

TEST(Segments, NotableOnesAreBounded) {
  TableStory s;
  s.shake_hands();
  for (int i = 0; i < 3000; ++i) s.client_loses("ACK 1 ack 1 len 10");
  EXPECT_LE(s.listener.segments.size(), 1016u);
  EXPECT_GE(s.listener.segments.size(), 1000u);
  EXPECT_EQ(s.table.figures(1)->client.dropped, 3000u);
}

TEST(Segments, LostInFlightIsToldWithItsReason) {
  TableStory s;
  s.lose(s.client_sends("SYN 0"), DropReason::outage);
  ASSERT_EQ(s.listener.segments.size(), 1u);
  EXPECT_EQ(s.listener.segments[0].fate, FateWord::dropped);
  EXPECT_EQ(s.listener.segments[0].drop, DropReason::outage);
}

}  // namespace
