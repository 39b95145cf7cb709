// Connections of which only a SYN is known: that they cost little, that nothing else about them differs from others,
// who goes first when there is no room, and one source's share.
#include "emulator/connections/half_open.h"

#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

TEST(HalfOpen, ASynIsKeptWithAllItsOptions) {
  for (const char* text : {"SYN 0", "SYN 0 scale 7", "SYN 0 len 100"}) {
    const SegmentText syn = read_segment(text, 0xfffffff0, 0);
    for (const std::vector<std::uint8_t>& more : {std::vector<std::uint8_t>{},
                                                  {2, 4, 5, 180},
                                                  {4, 2, 1, 1},
                                                  {8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1},
                                                  {34, 2, 1, 1},
                                                  {34, 6, 1, 2, 3, 4, 1, 1},
                                                  {30, 4, 0, 0}}) {
      std::vector<std::uint8_t> options = syn.options;
      options.insert(options.end(), more.begin(), more.end());
      const PacketBytes packet = tcp_packet(1, 2, 3, 4, syn.segment, options);
      PacketView cut = packet.view;
      cut.has_cut_options = true;
      EXPECT_TRUE(parse_tcp_options(SynPacket(SynText::of(cut).value()).view()).are_cut);
      const std::optional<SynText> kept = SynText::of(packet.view);
      ASSERT_TRUE(kept);
      const SynPacket again(*kept);
      EXPECT_EQ(SynText::of(again.view()), kept) << text;
      const TcpOptions was = parse_tcp_options(packet.view), is = parse_tcp_options(again.view());
      EXPECT_EQ(was.mss, is.mss);
      EXPECT_EQ(was.are_cut, is.are_cut);
      EXPECT_EQ(was.window_scale, is.window_scale);
      EXPECT_EQ(was.has_window_scale, is.has_window_scale);
      EXPECT_EQ(was.sack_permitted, is.sack_permitted);
      EXPECT_EQ(was.has_timestamps, is.has_timestamps);
      EXPECT_EQ(was.multipath, is.multipath);
      EXPECT_EQ(was.fast_open, is.fast_open);
      EXPECT_EQ(was.fast_open_cookie, is.fast_open_cookie);
      EXPECT_EQ(again.view().length, packet.view.length);
      EXPECT_EQ(again.view().tcp.length, packet.view.tcp.length);
      EXPECT_EQ(again.view().tcp.seq, packet.view.tcp.seq);
    }
  }
}

TEST(HalfOpen, RepeatedSynsAreCountedAndTold) {
  TableStory s;
  for (int i = 0; i < 7; ++i) {
    s.client("SYN 0 scale 7");
    s.wait(1s);
  }
  const auto figures = s.table.figures(1);
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->client.packets_sent, 7u);
  EXPECT_EQ(figures->client.packets_delivered, 7u);
  EXPECT_EQ(figures->client.retransmissions, 6u);
  EXPECT_EQ(figures->tcp.syn_retries, 6u);
  EXPECT_EQ(figures->tcp.conn_state, ConnState::s0);
  ASSERT_EQ(s.listener.segments.size(), 7u);
  EXPECT_FALSE(s.listener.segments[0].retransmission);
  EXPECT_TRUE(s.listener.segments[6].retransmission);
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  EXPECT_EQ(s.table.figures(1)->tcp.syn_retries, 6u);
  EXPECT_EQ(s.table.figures(1)->handshake_rtt_server, Duration{0}) << "Karn: nobody knows which SYN was answered";
}

TEST(HalfOpen, TheHandshakeIsTimedFromTheOneSyn) {
  TableStory s;
  s.client("SYN 0");
  s.wait(100ms);
  s.server("SYN,ACK 0 ack 1");
  s.wait(30ms);
  s.client("ACK 1 ack 1");
  const auto figures = s.table.figures(1);
  EXPECT_EQ(figures->handshake_rtt_server, 10ms + 100ms + 1ms);
  EXPECT_EQ(figures->tcp.handshake_rtt_server_net, 101ms);
  EXPECT_EQ(figures->handshake_rtt_client, 31ms);
  EXPECT_EQ(figures->initial_rtt, 10ms + 100ms + 1ms + 10ms + 31ms);
}

// Its handle was given out when it was half-open.
TEST(HalfOpen, WhatIsInFlightFindsItsConnectionAgain) {
  TableStory s;
  const auto first = s.client_sends("SYN 0", {.delay = 3s});
  s.wait(1s);
  const auto second = s.client_sends("SYN 0", {.delay = 3s});  // with one on its way: no place for that in an entry
  s.deliver(first);
  s.deliver(second);
  ASSERT_EQ(s.listener.segments.size(), 2u);
  EXPECT_TRUE(s.listener.segments[1].retransmission);
  EXPECT_EQ(s.table.figures(1)->client.packets_delivered, 2u);
  const auto third = s.client_sends("SYN 0");
  s.lose(third, DropReason::outage);
  EXPECT_EQ(s.table.figures(1)->client.dropped, 1u);
}

TEST(HalfOpen, ItTimesOutFromItsLastSyn) {
  TableStory s;
  s.client("SYN 0");
  s.wait(60s);
  s.client("SYN 0");
  s.wait(130s - 10ms - 1ns);
  EXPECT_TRUE(s.listener.closed.empty());
  s.wait(1ns);
  s.expect_histories("SYN_SENT CLOSED", "");
  s.expect_end(End::syn_timeout, ClosedBy::nobody);
}

TEST(HalfOpen, AnotherNumberIsAnotherAttempt) {
  TableStory s;
  s.client("SYN 0");
  s.new_isns(77, 78);
  s.client("SYN 0");
  s.expect_end(End::superseded, ClosedBy::nobody);
  ASSERT_EQ(s.listener.transitions.size(), 2u);
  EXPECT_EQ(s.listener.transitions[1].id, s.listener.opened[1].id);
  EXPECT_EQ(s.table.size(), 1u);
}

TEST(HalfOpen, OneSourceHasAQuarterOfTheTable) {
  TableStory s(400);
  const auto open = [&](HostNumber host, std::uint16_t port) {
    s.client_host = host;
    s.client_port = port;
    s.client("SYN 0");
  };
  for (std::uint16_t port = 1; port <= 30; ++port) open(7, port);
  for (std::uint16_t port = 1; port <= 250; ++port) open(1, port);
  EXPECT_EQ(s.table.size(), 130u);
  ASSERT_EQ(s.listener.closed.size(), 150u);
  for (std::size_t i = 0; i < s.listener.closed.size(); ++i) {
    EXPECT_EQ(s.listener.closed[i].end, End::evicted);
    EXPECT_EQ(s.listener.closed[i].client_state, TcpState::syn_sent);
    EXPECT_EQ(s.listener.closed[i].id, 31 + i) << "its own oldest";
  }
  s.client_port = 250;
  s.server("SYN,ACK 0 ack 1");
  open(1, 251);
  EXPECT_EQ(s.listener.closed.size(), 150u) << "what was answered does not count";
}

// The order of eviction, line by line: the table is full, and each newcomer takes the place of the next in the order.
class Full : public TableStory {
 public:
  static constexpr std::uint32_t kCapacity = 12;
  Full() : TableStory(kCapacity) {}
  Full& at(std::uint16_t port) {
    client_port = port;
    return *this;
  }
  void open(std::uint16_t port) { at(port).shake_hands(); }
  void expect_next(std::uint16_t port, TcpState client_state, TcpState server_state, const std::string& why) {
    const std::size_t before = listener.closed.size();
    open(next_++);
    ASSERT_EQ(listener.closed.size(), before + 1) << why << story();
    const ConnectionClosed& gone = listener.closed.back();
    EXPECT_EQ(gone.end, End::evicted) << why;
    EXPECT_EQ(listener.opened[gone.id - 1].client.port, port) << why;
    EXPECT_STREQ(to_string(gone.client_state), to_string(client_state)) << why;
    EXPECT_STREQ(to_string(gone.server_state), to_string(server_state)) << why;
    EXPECT_EQ(table.size(), kCapacity);
  }
  /// One whose end was told already.
  void expect_next_silently(std::uint16_t port, const std::string& why) {
    const std::size_t before = listener.closed.size();
    open(next_++);
    EXPECT_EQ(listener.closed.size(), before) << why;
    for (const ConnectionOpened& o : listener.opened) {
      EXPECT_FALSE(o.client.port == port && table.figures(o.id)) << why;
    }
  }

 private:
  std::uint16_t next_ = 1000;
};

TEST(Eviction, GoesThroughTheSpecificationsOrder) {
  using enum TcpState;
  Full s;
  s.open(1);  // from what matters most to what matters least
  s.open(2);
  s.open(3);
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 1 ack 2");
  s.server("FIN,ACK 1 ack 2");  // LAST_ACK, with an acknowledgement that never comes
  s.open(4);
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 1 ack 2");  // FIN_WAIT_2, CLOSE_WAIT
  s.open(5);
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");  // TIME_WAIT
  s.open(6);
  s.client("RST 1");  // CLOSED
  for (std::uint16_t port = 7; port <= 8; ++port) {
    s.at(port).client("SYN 0");
    s.server("SYN,ACK 0 ack 1");
  }
  for (std::uint16_t port = 9; port <= 12; ++port) s.at(port).client("SYN 0");
  s.at(9).client("SYN 0");  // again: it is not the oldest any more
  ASSERT_EQ(s.table.size(), Full::kCapacity);
  s.wait(1s);
  s.expect_next(10, syn_sent, none, "1: a SYN that nobody answered, the one unused longest");
  s.expect_next(11, syn_sent, none, "1");
  s.expect_next(12, syn_sent, none, "1");
  s.expect_next(9, syn_sent, none, "1: repeated last");
  s.expect_next(7, syn_sent, syn_received, "2: SYN_RECEIVED, the one idle longest");
  s.expect_next(8, syn_sent, syn_received, "2");
  s.expect_next_silently(6, "3: CLOSED, kept for stray segments");
  s.expect_next_silently(5, "3: TIME_WAIT");
  s.at(3).client("ACK 2 ack 1");  // still not of the FIN: it is not idle longest any more
  s.expect_next(4, fin_wait_2, close_wait, "4: of those with a FIN the one idle longest");
  s.expect_next(3, fin_wait_2, last_ack, "4");
  s.at(1).client("ACK 1 ack 1 len 1");
  s.expect_next(2, established, established, "5: ESTABLISHED, the one idle longest");
}

// A flood whose SYNs are all answered: in a full table the only ones without an answer are those that wait for it.
TEST(Eviction, LeavesAHandshakeTheTimeToBeAnswered) {
  Full s;
  for (std::uint16_t port = 1; port <= 11; ++port) {
    s.at(port).client("SYN 0");
    s.server("SYN,ACK 0 ack 1");
  }
  s.at(12).client("SYN 0");
  s.expect_next(1, TcpState::syn_sent, TcpState::syn_received, "not the one that has just begun");
  s.at(12).server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED", 11);
}

}  // namespace
