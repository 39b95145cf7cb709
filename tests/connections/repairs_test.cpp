// Of what is sent again: why, and where it was lost. Spurious is what the receiver had acknowledged, and nothing else.
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

struct Split {
  std::uint32_t fast = 0, timeout = 0, spurious = 0, lost_behind = 0, lost_before = 0;
};

void expect_split(const OpenTable& s, const Split& split) {
  const EndpointFigures f = client_of(s);
  EXPECT_EQ(f.retransmissions_fast, split.fast) << "fast, after" << s.story();
  EXPECT_EQ(f.retransmissions_timeout(), split.timeout) << "time-out, after" << s.story();
  EXPECT_EQ(f.retransmissions_spurious, split.spurious) << "spurious, after" << s.story();
  EXPECT_EQ(f.retransmissions_lost_behind, split.lost_behind) << "lost behind, after" << s.story();
  EXPECT_EQ(f.retransmissions_lost_before, split.lost_before) << "lost before, after" << s.story();
}

TEST(Repairs, WhatWasLostBehindUsIsNotSpurious) {
  OpenTable s;
  s.client("ACK 1 ack 1 len 100");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {.timeout = 1, .lost_behind = 1});
}

TEST(Repairs, WhatThePeerSaysBySackIsAnsweredFast) {
  OpenTable s;
  for (int i = 0; i < 4; ++i) s.client("ACK " + std::to_string(1 + 100 * i) + " ack 1 len 100");
  s.server("ACK 1 ack 101");
  s.server("ACK 1 ack 101 sack 201");  // one is enough: what was sent later has come
  s.client("ACK 101 ack 1 len 100");
  expect_split(s, {.fast = 1, .lost_behind = 1});
}

TEST(Repairs, WhatWasAcknowledgedBySackIsSpurious) {
  OpenTable s;
  s.client("ACK 1 ack 1 len 100");
  s.client("ACK 101 ack 1 len 100");
  s.server("ACK 1 ack 1 sack 101");
  s.client("ACK 101 ack 1 len 100");
  expect_split(s, {.spurious = 1});
}

TEST(Repairs, WhatThePeerHadTwiceWasSpurious) {  // RFC 2883
  OpenTable s;
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

TEST(Repairs, OneReportOfADuplicateIsOfOneRepetition) {
  OpenTable s;
  for (int i = 0; i < 3; ++i) {
    s.client("ACK 1 ack 1 len 100");
    s.wait(300ms);
  }
  expect_split(s, {.timeout = 2, .lost_behind = 2});
  s.server_loses("ACK 1 ack 101");
  s.server("ACK 1 ack 101 sack 1");  // it has had two of three: the first or the second was lost behind us
  expect_split(s, {.timeout = 1, .spurious = 1, .lost_behind = 1});
  s.server("ACK 1 ack 101 sack 1");
  expect_split(s, {.spurious = 2});
}

TEST(Repairs, AReportOfWhatIsKnownToBeSpuriousIsOfNoOther) {
  OpenTable s;
  s.client("ACK 1 ack 1 len 100");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  s.server_loses("ACK 1 ack 101");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {.timeout = 1, .spurious = 1, .lost_behind = 1});
  s.server("ACK 1 ack 101 sack 1");
  expect_split(s, {.timeout = 1, .spurious = 1, .lost_behind = 1});
}

// The peer misses it, and says so; but its sender cannot have heard of that yet.
TEST(Repairs, WhatIsOvertakenIsNotSentAgainWhateverThePeerSaysMeanwhile) {
  OpenTable s;
  s.client("ACK 101 ack 1 len 100");
  s.server_sends("ACK 1 ack 1 sack 101");
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {});
  EXPECT_EQ(client_of(s).out_of_order, 1u);
}

TEST(Repairs, TimestampsTellWhatIsSentAgainFromWhatIsOvertaken) {
  OpenTable s;
  s.client("ACK 101 ack 1 len 100 ts 7");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100 ts 6");  // late, but sent before
  expect_split(s, {});
  EXPECT_EQ(client_of(s).out_of_order, 1u);
  s.client("ACK 301 ack 1 len 100 ts 8");
  s.client("ACK 201 ack 1 len 100 ts 9");  // soon, but sent later
  expect_split(s, {.timeout = 1, .lost_before = 1});
  EXPECT_EQ(client_of(s).out_of_order, 1u);
}

TEST(Repairs, WhatComesBehindItsRepetitionWasOvertakenByThat) {
  OpenTable s;
  s.client("ACK 101 ack 1 len 100 ts 7");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100 ts 9");
  expect_split(s, {.timeout = 1, .lost_before = 1});
  s.client("ACK 1 ack 1 len 100 ts 6");
  EXPECT_EQ(client_of(s).retransmissions, 1u) << s.story();
  EXPECT_EQ(client_of(s).out_of_order, 1u);
  s.server("ACK 1 ack 201 sack 1");
  expect_split(s, {.spurious = 1});
}

TEST(Repairs, AfterATimeOutAllOfItIsTheTimeOuts) {
  OpenTable s;
  for (int i = 0; i < 3; ++i) s.client("ACK " + std::to_string(1 + 100 * i) + " ack 1 len 100");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101");
  s.client("ACK 101 ack 1 len 100");
  s.client("ACK 201 ack 1 len 100");
  expect_split(s, {.timeout = 3, .lost_behind = 3});
}

TEST(Repairs, ARepairThatIsLostTooIsTheTimers) {
  OpenTable s;
  for (int i = 0; i < 4; ++i) s.client("ACK " + std::to_string(1 + 100 * i) + " ack 1 len 100");
  for (int i = 0; i < 3; ++i) s.server("ACK 1 ack 1 sack 101");
  s.client("ACK 1 ack 1 len 100");
  s.wait(400ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {.fast = 1, .timeout = 1, .lost_behind = 2});
}

TEST(Repairs, WhatNeverPassedHereWasLostBeforeUs) {
  OpenTable s;
  s.client("ACK 101 ack 1 len 100");
  s.wait(300ms);
  s.client("ACK 1 ack 1 len 100");
  expect_split(s, {.timeout = 1, .lost_before = 1});
}

TEST(Repairs, AFinThatIsLostBehindUs) {
  OpenTable s;
  s.client("FIN,ACK 1 ack 1");
  for (int i = 0; i < 2; ++i) {
    s.wait(300ms);
    s.client("FIN,ACK 1 ack 1");
  }
  expect_split(s, {.timeout = 2, .lost_behind = 2});
  EXPECT_EQ(s.table.figures(1)->tcp.history.text(), "ShAF") << "T is of payload alone";
}

TEST(Repairs, TheByteThatProbesAClosedWindowIsNotSentAgain) {
  OpenTable s;
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101 win 0");
  for (int i = 0; i < 3; ++i) {
    s.wait(1s);
    s.client("ACK 101 ack 1 len 1");
    s.server("ACK 1 ack 101 win 0");
  }
  s.server("ACK 1 ack 102");
  s.client("ACK 102 ack 1 len 10");
  EXPECT_EQ(client_of(s).retransmissions, 0u) << s.story();
  EXPECT_EQ(client_of(s).payload_bytes, 111u);
  EXPECT_EQ(client_of(s).unique_payload_bytes, 111u);
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

/// A SYN that is delivered and sent again a second later; then it is answered. With "ts" in the texts they bear one.
Duration round_trip_of_repeated(const char* first, const char* second, const char* answer) {
  TableStory s;
  s.client(first);
  s.wait(1s);
  s.client(second);
  s.server(answer);
  s.client("ACK 1 ack 1");
  return s.table.figures(1)->initial_rtt;
}

TEST(Repairs, OfASynThatWasDeliveredTwiceThereIsNoRoundTrip) {
  EXPECT_EQ(round_trip_of_repeated("SYN 0", "SYN 0", "SYN,ACK 0 ack 1"), Duration{0});
}

TEST(Repairs, TimestampsTellWhichSynWasAnswered) {
  constexpr Duration kUnknown{0};
  EXPECT_EQ(round_trip_of_repeated("SYN 0 ts 70", "SYN 0 ts 1070", "SYN,ACK 0 ack 1 ts 5 echo 1070"), 22ms);
  EXPECT_EQ(round_trip_of_repeated("SYN 0 ts 70", "SYN 0 ts 1070", "SYN,ACK 0 ack 1 ts 5 echo 70"), kUnknown);
  EXPECT_EQ(round_trip_of_repeated("SYN 0 ts 70", "SYN 0 ts 70", "SYN,ACK 0 ack 1 ts 5 echo 70"), kUnknown);
  EXPECT_EQ(round_trip_of_repeated("SYN 0 ts 4294967000", "SYN 0 ts 704", "SYN,ACK 0 ack 1 ts 5 echo 704"), 22ms);
}

// The one that was sent last is overtaken: the answer is to the one that came first, of which the moment is not known.
TEST(Repairs, ASynThatIsDeliveredLateIsNotTheLast) {
  TableStory s;
  s.client_sends("SYN 0 ts 70", {.delay = 2s});
  s.wait(1s);
  s.client("SYN 0 ts 1070");
  s.deliver(0);
  s.server("SYN,ACK 0 ack 1 ts 5 echo 1070");
  s.client("ACK 1 ack 1");
  const Duration rtt = s.table.figures(1)->initial_rtt;
  EXPECT_GT(rtt, 900ms);
  EXPECT_LT(rtt, 1100ms) << "since the second SYN arrived";
}

TEST(Repairs, TheThirdSynOfThreeIsToldApartToo) {
  TableStory s;
  for (const char* syn : {"SYN 0 ts 70", "SYN 0 ts 1070", "SYN 0 ts 3070"}) {
    s.client(syn);
    s.wait(1s);
  }
  s.server("SYN,ACK 0 ack 1 ts 5 echo 3070");
  s.client("ACK 1 ack 1");
  EXPECT_EQ(s.table.figures(1)->initial_rtt, 1s + 22ms) << s.story();
}

}  // namespace
