// What becomes of a connection whose ports or whose place another one takes while packets of it are in flight.
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

const ConnectionClosed& end_of(const TableStory& s, ConnectionId id) {
  static const ConnectionClosed none;
  for (const ConnectionClosed& closed : s.listener.closed) {
    if (closed.id == id) return closed;
  }
  ADD_FAILURE() << "the end of connection " << id << " was not told, after" << s.story();
  return none;
}

void expect_end(const TableStory& s, ConnectionId id, End end) {
  EXPECT_STREQ(to_string(end_of(s, id).end), to_string(end)) << "of connection " << id << ", after" << s.story();
}

constexpr std::uint32_t kFirstClient = 1'000'000, kFirstServer = 500'000;

TEST(Leaving, PortUsedAgainBeforeTheResetHasLanded) {
  TableStory s;
  s.new_isns(kFirstClient, kFirstServer);
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  const std::size_t ack = s.client_sends("ACK 1 ack 1"), data = s.client_sends("PSH,ACK 1 ack 1 len 5"),
                    reset = s.client_sends("RST,ACK 6 ack 1");
  s.new_isns(9'000'000, 7'000'000);
  const std::size_t syn = s.client_sends("SYN 0");
  EXPECT_TRUE(s.listener.closed.empty()) << "it is not over on the server's side" << s.story();
  s.deliver(ack);
  s.deliver(data);
  s.new_isns(kFirstClient, kFirstServer);
  const std::size_t answer = s.server_sends("ACK 1 ack 6");  // to the data: it has not heard of the other connection
  s.deliver(reset);
  expect_end(s, 1, End::reset);
  s.new_isns(9'000'000, 7'000'000);
  s.deliver(syn);
  s.deliver(answer);
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");

  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED", 0);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED", 1);
  EXPECT_EQ(s.listener.transitions.size(), 10u) << s.story();
  const ConnectionFigures& figures = end_of(s, 1).figures;
  EXPECT_EQ(figures.client.packets_sent, 4u);
  EXPECT_EQ(figures.client.packets_delivered, 4u);
  EXPECT_EQ(figures.server.packets_sent, 2u);
  EXPECT_FALSE(s.table.has(1)) << "nothing of it is in flight any more";
  ASSERT_EQ(s.listener.late.size(), 1u) << "the server's last segment landed behind the end";
  EXPECT_EQ(s.listener.late[0].figures.server.packets_delivered, 2u);
  EXPECT_EQ(s.table.figures(2)->client.packets_sent, 2u);
  EXPECT_EQ(s.table.figures(2)->server.packets_sent, 1u) << "none of the first connection's";
}

TEST(Leaving, EachDeliveryIsTold) {
  TableStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  const std::size_t ack = s.client_sends("ACK 1 ack 1"), reset = s.client_sends("RST,ACK 1 ack 1");
  s.new_isns(9'000'000, 7'000'000);
  s.client_sends("SYN 0");
  const std::size_t before = s.listener.segments.size();
  s.deliver(ack);
  s.deliver(reset);
  ASSERT_EQ(s.listener.segments.size(), before + 2) << s.story();
  EXPECT_EQ(s.listener.segments[before].id, 1u);
  EXPECT_EQ(s.listener.segments[before + 1].id, 1u);
}

TEST(Leaving, WhatIsLostInFlightIsWaitedForNoLonger) {
  TableStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  const std::size_t ack = s.client_sends("ACK 1 ack 1", {.duplicate = true}), reset = s.client_sends("RST,ACK 1 ack 1");
  s.new_isns(9'000'000, 7'000'000);
  s.client("SYN 0");
  s.deliver(ack);
  s.lose(reset, DropReason::outage);
  EXPECT_TRUE(s.listener.closed.empty()) << "a copy is in flight" << s.story();
  s.deliver(ack, 1);
  expect_end(s, 1, End::superseded);
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED", 0);
}

TEST(Leaving, PortUsedAgainInTimeWait) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  const std::size_t last = s.client_sends("ACK 2 ack 2");
  s.deliver(s.client_sends("ACK 2 ack 2", {.delay = 1ms}));
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  s.new_isns(9'000'000, 7'000'000);
  s.client("SYN 0");
  s.deliver(last);
  expect_end(s, 1, End::orderly);
  ASSERT_EQ(s.listener.late.size(), 1u) << s.story();
  EXPECT_EQ(s.listener.late[0].figures.client.packets_delivered, 5u);
}

TEST(Leaving, ClientThatBeganAnewWhileItsSynWasInFlight) {
  TableStory s;
  const std::size_t first = s.client_sends("SYN 0");
  s.new_isns(5'000'000, 1);
  const std::size_t second = s.client_sends("SYN 0");
  s.deliver(first);
  expect_end(s, 1, End::superseded);
  EXPECT_EQ(end_of(s, 1).figures.client.packets_delivered, 1u);
  s.deliver(second);
  s.server("SYN,ACK 0 ack 1");
  s.expect_histories("SYN_SENT", "SYN_RECEIVED", 1);
}

TEST(Leaving, EvictedWithItsSegmentsInFlight) {
  TableStory s(1);
  s.shake_hands();
  const std::size_t data = s.client_sends("PSH,ACK 1 ack 1 len 5");
  s.client_port = 40001;
  s.client("SYN 0");
  EXPECT_TRUE(s.listener.closed.empty()) << s.story();
  s.deliver(data);
  expect_end(s, 1, End::evicted);
  EXPECT_EQ(end_of(s, 1).figures.client.packets_delivered, 3u);
  EXPECT_TRUE(s.table.has(2)) << "which has the place";
}

TEST(Leaving, TimedOutWithItsSegmentsInFlight) {
  TableStory s;
  s.shake_hands();
  s.client("RST,ACK 1 ack 1");
  const std::size_t data = s.server_sends("ACK 1 ack 1 len 5", {.delay = 30s});
  s.deliver(data);
  expect_end(s, 1, End::reset);
  ASSERT_EQ(s.listener.late.size(), 1u) << s.story();
  EXPECT_EQ(s.listener.late[0].figures.server.packets_delivered, 2u);
}

TEST(Leaving, ManyThatNeverLandAreBounded) {
  constexpr std::uint32_t kCapacity = 64, kTries = 200;
  TableStory s(kCapacity);
  for (std::uint32_t i = 0; i < kTries; ++i) {
    s.new_isns(1'000'000 + i * 100'000, 1);
    s.client_sends("SYN 0");
  }
  EXPECT_EQ(s.table.size(), 1u) << "those that leave take nobody's place";
  EXPECT_GE(s.listener.closed.size(), kTries - (kCapacity / 16 + 16) - 1);
  EXPECT_TRUE(s.table.has(kTries));
  s.wait(2h);
  EXPECT_EQ(s.table.size(), 0u);
  EXPECT_EQ(s.listener.closed.size(), kTries);
}

TEST(Leaving, EndWithTheTable) {
  TableStory s;
  s.client_sends("SYN 0");
  s.new_isns(5'000'000, 1);
  s.client_sends("SYN 0");
  s.table.close_all(s.now);
  expect_end(s, 1, End::superseded);
  expect_end(s, 2, End::open);
  EXPECT_EQ(s.table.size(), 0u);
}

}  // namespace
