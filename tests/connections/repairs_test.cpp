// Of what is sent again: why, and where it was lost. Spurious is what the receiver had acknowledged, and nothing else.
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

struct Open : TableStory {
  Open() { shake_hands(); }
  EndpointFigures client_figures() { return table.figures(1)->client; }
};

struct Split {
  std::uint32_t fast = 0, timeout = 0, spurious = 0, lost_behind = 0, lost_before = 0;
};

void expect_split(Open& s, const Split& split) {
  const EndpointFigures f = s.client_figures();
  EXPECT_EQ(f.retransmissions_fast, split.fast) << "fast, after" << s.story();
  EXPECT_EQ(f.retransmissions_timeout(), split.timeout) << "time-out, after" << s.story();
  EXPECT_EQ(f.retransmissions_spurious, split.spurious) << "spurious, after" << s.story();
  EXPECT_EQ(f.retransmissions_lost_behind, split.lost_behind) << "lost behind, after" << s.story();
  EXPECT_EQ(f.retransmissions_lost_before, split.lost_before) << "lost before, after" << s.story();
}

TEST(Repairs, WhatWasLostBehindUsIsNotSpurious) {
  Open s;
  s.client("ACK 1 ack 1 len 100");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {.timeout = 1, .lost_behind = 1});
}

TEST(Repairs, WhatThePeerSaysBySackIsAnsweredFast) {
  Open s;
  for (int i = 0; i < 4; ++i) s.client("ACK " + std::to_string(1 + 100 * i) + " ack 1 len 100");
  s.server("ACK 1 ack 101");
  s.server("ACK 1 ack 101 sack 201");  // one is enough: what was sent later has come
  s.client("ACK 101 ack 1 len 100");
  expect_split(s, {.fast = 1, .lost_behind = 1});
}

TEST(Repairs, WhatWasAcknowledgedBySackIsSpurious) {
  Open s;
  s.client("ACK 1 ack 1 len 100");
  s.client("ACK 101 ack 1 len 100");
  s.server("ACK 1 ack 1 sack 101");
  s.client("ACK 101 ack 1 len 100");
  expect_split(s, {.spurious = 1});
}

TEST(Repairs, WhatThePeerHadTwiceWasSpurious) {  // RFC 2883
  Open s;
  s.client("ACK 1 ack 1 len 100");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {.timeout = 1, .lost_behind = 1});
  s.server_loses("ACK 1 ack 101");
  s.server("ACK 1 ack 101 sack 1");
  expect_split(s, {.spurious = 1});
  s.server("ACK 1 ack 101 sack 1");  // a copy of the network's own
  expect_split(s, {.spurious = 1});
}

TEST(Repairs, AfterATimeOutAllOfItIsTheTimeOuts) {
  Open s;
  for (int i = 0; i < 3; ++i) s.client("ACK " + std::to_string(1 + 100 * i) + " ack 1 len 100");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101");
  s.client("ACK 101 ack 1 len 100");
  s.client("ACK 201 ack 1 len 100");
  expect_split(s, {.timeout = 3, .lost_behind = 3});
}

TEST(Repairs, ARepairThatIsLostTooIsTheTimers) {
  Open s;
  for (int i = 0; i < 4; ++i) s.client("ACK " + std::to_string(1 + 100 * i) + " ack 1 len 100");
  for (int i = 0; i < 3; ++i) s.server("ACK 1 ack 1 sack 101");
  s.client("ACK 1 ack 1 len 100");
  s.wait(400ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {.fast = 1, .timeout = 1, .lost_behind = 2});
}

TEST(Repairs, WhatNeverPassedHereWasLostBeforeUs) {
  Open s;
  s.client("ACK 101 ack 1 len 100");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {.timeout = 1, .lost_before = 1});
}

TEST(Repairs, AFinThatIsLostBehindUs) {
  Open s;
  s.client("FIN,ACK 1 ack 1");
  for (int i = 0; i < 2; ++i) {
    s.wait(300ms);
    s.client("FIN,ACK 1 ack 1");
  }
  expect_split(s, {.timeout = 2, .lost_behind = 2});
  EXPECT_EQ(s.table.figures(1)->tcp.history.text(), "ShAF") << "T is of payload alone";
}

TEST(Repairs, TheByteThatProbesAClosedWindowIsNotSentAgain) {
  Open s;
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101 win 0");
  for (int i = 0; i < 3; ++i) {
    s.wait(1s);
    s.client("ACK 101 ack 1 len 1");
    s.server("ACK 1 ack 101 win 0");
  }
  s.server("ACK 1 ack 102");
  s.client("ACK 102 ack 1 len 10");
  EXPECT_EQ(s.client_figures().retransmissions, 0u) << s.story();
  EXPECT_EQ(s.client_figures().payload_bytes, 111u);
  EXPECT_EQ(s.client_figures().unique_payload_bytes, 111u);
}

TEST(Repairs, TheRoundTripIsOfTheSynThatWasDelivered) {
  TableStory s;
  s.client_loses("SYN 0");
  s.wait(1s);
  s.client_sends("SYN 0", {.delay = 4ms}), s.deliver(1);
  s.server_sends("SYN,ACK 0 ack 1", {.delay = 4ms}), s.deliver(2);
  s.client("ACK 1 ack 1");
  EXPECT_EQ(s.table.figures(1)->initial_rtt, 10ms) << s.story();
}

TEST(Repairs, OfASynThatWasDeliveredTwiceThereIsNoRoundTrip) {
  TableStory s;
  s.client("SYN 0");
  s.wait(1s);
  s.client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.client("ACK 1 ack 1");
  EXPECT_EQ(s.table.figures(1)->initial_rtt, Duration{0});
}

}  // namespace
