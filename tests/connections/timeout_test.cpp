// Each state's time-out: never early, exact in virtual time, and told as what it is.
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

// `just before` the time-out nothing has ended; at the time-out it has.
void expect_timeout(TableStory& s, Duration after, End end, std::size_t left = 0) {
  const TimePoint due = s.now + after;
  s.wait(due - s.now - 1ns);
  EXPECT_TRUE(s.listener.closed.empty()) << "too early, after" << s.story();
  s.wait(1ns);
  ASSERT_EQ(s.listener.closed.size(), 1u) << s.story();
  EXPECT_STREQ(to_string(s.listener.closed[0].end), to_string(end)) << s.story();
  EXPECT_EQ(s.listener.closed[0].at, due);
  EXPECT_EQ(s.table.size(), left);
}

TEST(Timeouts, SynSentCountsFromTheLastSyn) {
  TableStory s;
  s.client_loses("SYN 0");
  s.wait(60s);
  s.client_loses("SYN 0");
  expect_timeout(s, 130s, End::syn_timeout);
  s.expect_histories("SYN_SENT CLOSED", "");
  EXPECT_EQ(s.listener.transitions.back().evidence, Evidence::timer);
  EXPECT_FALSE(s.listener.transitions.back().has_segment);
}

TEST(Timeouts, SynReceivedThenSynSent) {
  TableStory s;
  s.client("SYN 0");
  s.server_loses("SYN,ACK 0 ack 1");
  s.wait(75s);
  s.expect_histories("SYN_SENT", "SYN_RECEIVED CLOSED");
  s.expect_open(1);
  expect_timeout(s, 55s, End::syn_timeout);
}

TEST(Timeouts, ServerThatNeverGotTheThirdAckIsHalfOpen) {
  TableStory s;
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client_loses("ACK 1 ack 1");
  s.wait(75s);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED CLOSED");
  expect_timeout(s, 1h - 75s, End::half_open);
}

TEST(Timeouts, EstablishedIdle) {
  TableStory s;
  s.shake_hands();
  const TimePoint last = s.now - 10ms;  // the third ACK arrived, and was delivered 10 ms later
  expect_timeout(s, last + 24h - s.now, End::idle_timeout);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");  // nobody is known to have closed
}

TEST(Timeouts, FinWait1) {
  TableStory s;
  s.shake_hands();
  s.client_loses("FIN,ACK 1 ack 1");
  s.wait(120s);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 CLOSED", "SYN_RECEIVED ESTABLISHED");
  expect_timeout(s, 1h - 120s, End::half_open);
}

TEST(Timeouts, HalfClosed) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("ACK 1 ack 2");
  expect_timeout(s, 1h - 10ms, End::idle_timeout);
}

TEST(Timeouts, ClosingOnBothSides) {
  TableStory s;
  s.shake_hands();
  const auto client_fin = s.client_sends("FIN,ACK 1 ack 1");
  const auto server_fin = s.server_sends("FIN,ACK 1 ack 1");
  s.deliver(client_fin);
  s.server_loses("ACK 2 ack 2");
  s.deliver(server_fin);
  s.client_loses("ACK 2 ack 2");
  expect_timeout(s, 120s, End::idle_timeout);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 CLOSING CLOSED",
                     "SYN_RECEIVED ESTABLISHED FIN_WAIT_1 CLOSING CLOSED");
}

TEST(Timeouts, LastAckNeverAnswered) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client_loses("ACK 2 ack 2");
  s.wait(60s);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT CLOSED",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK");
  expect_timeout(s, 60s, End::half_open);
}

TEST(Timeouts, TimeWaitKeepsTheRecordAfterTheEndWasTold) {
  TableStory s;
  s.shake_hands();
  s.client("FIN,ACK 1 ack 1");
  s.server("FIN,ACK 1 ack 2");
  s.client("ACK 2 ack 2");
  s.expect_end(End::orderly, ClosedBy::client);
  s.wait(60s - 11ms);
  EXPECT_EQ(s.table.size(), 1u);
  s.wait(1ms);
  EXPECT_EQ(s.table.size(), 0u);
  EXPECT_EQ(s.listener.transitions.back().row, Rule::time_wait_over);
  EXPECT_EQ(s.listener.closed.size(), 1u);
}

TEST(Timeouts, OneSidedPickup) {
  TableStory s;
  s.client_loses("ACK 1 ack 1 len 10");
  expect_timeout(s, 24h, End::idle_timeout);
}

TEST(Timeouts, ResetThatNeverArrivedLeavesItHalfOpen) {
  TableStory s;
  s.shake_hands();
  s.client_loses("RST,ACK 1 ack 1");
  expect_timeout(s, 1h, End::half_open);
  s.expect_end(End::half_open, ClosedBy::client);
}

TEST(Timeouts, ManyAtOnceInBoundedSteps) {
  TableStory s(5000);
  for (int i = 0; i < 4000; ++i) {
    s.client_port = static_cast<std::uint16_t>(20000 + i);
    s.client_loses("SYN 0");
  }
  TimePoint now = s.now + 131s;
  std::size_t calls = 0;
  for (; s.table.next_due() <= now; ++calls) {
    const std::size_t before = s.listener.closed.size();
    s.table.advance(now);
    EXPECT_LE(s.listener.closed.size() - before, 256u);
    ASSERT_LT(calls, 100u) << "no progress";
  }
  EXPECT_EQ(s.listener.closed.size(), 4000u);
  EXPECT_EQ(s.table.next_due(), kNever);
}

}  // namespace
