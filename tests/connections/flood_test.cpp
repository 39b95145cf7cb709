// Floods of handshakes that come to nothing: when one begins and ends, what is counted, and that a connection that gets
// through is told whole all the same.
#include <map>

#include "emulator/connections/flood_watch.h"
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;
using Phase = HalfOpenFlood::Phase;

ConnectionTableOptions flooded_by(std::uint32_t rate, std::uint32_t capacity = 4096) {
  ConnectionTableOptions options = TableStory::options_with(capacity);
  options.flood_rate = rate;
  return options;
}

TEST(FloodWatch, BeginsAboveTheRateAndEndsWhenItHasRunOut) {
  FloodWatch watch(1000);
  TimePoint now{1h};
  for (int i = 0; i < 10'000; ++i) EXPECT_FALSE(watch.begun(now += 1ms)) << "just the rate";
  for (int i = 0; i < 499; ++i) EXPECT_FALSE(watch.begun(now)) << i << ": half a second's worth at once";
  EXPECT_FALSE(watch.is_on());
  EXPECT_TRUE(watch.begun(now)) << "one more";
  EXPECT_TRUE(watch.is_on());
  EXPECT_EQ(watch.since(), now);
  for (int i = 0; i < 100'000; ++i) EXPECT_FALSE(watch.begun(now)) << "it is on";
  EXPECT_EQ(watch.next_due(), now + 2s);
  EXPECT_FALSE(watch.ends(now + 2s - 1ns));
  EXPECT_TRUE(watch.ends(now + 2s));
  EXPECT_FALSE(watch.ends(now + 3s));
  EXPECT_EQ(watch.next_due(), kNever);
}

TEST(FloodWatch, CompletedHandshakesAreNoFlood) {
  FloodWatch watch(1000);
  const TimePoint now{1h};
  for (int i = 0; i < 100'000; ++i) {
    EXPECT_FALSE(watch.begun(now));
    watch.completed();
  }
  FloodWatch never(0);
  for (int i = 0; i < 100'000; ++i) EXPECT_FALSE(never.begun(now));
}

std::vector<HalfOpenFlood> flushed(FloodTally& tally, TimePoint now) {
  std::vector<HalfOpenFlood> rows;
  tally.flush(now, [&](const HalfOpenFlood& row) { rows.push_back(row); });
  return rows;
}

TEST(FloodTally, CountsByNetworkAndPort) {
  FloodTally tally;
  const TimePoint now{1h};
  EXPECT_EQ(tally.next_due(), kNever);
  tally.count(*IpAddress::parse("10.77.0.3"), 80, {}, now);
  EXPECT_EQ(tally.next_due(), now + 1s);
  tally.count(*IpAddress::parse("10.77.0.255"), 80, {.is_refused = true}, now + 1ms);
  tally.count(*IpAddress::parse("10.77.0.4"), 443, {.is_answered = true, .is_evicted = true}, now);
  tally.count(*IpAddress::parse("10.77.1.4"), 80, {.is_evicted = true}, now);
  tally.count(*IpAddress::parse("fd77:1:2:3:4:5:6:7"), 80, {}, now);
  tally.count(*IpAddress::parse("fd77:1:2:3::9"), 80, {}, now);
  const auto rows = flushed(tally, now + 1s);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].source.to_string(), "10.77.0.0");
  EXPECT_EQ(rows[0].prefix, 24);
  EXPECT_EQ(rows[0].port, 80);
  EXPECT_EQ(rows[0].connections, 2u);
  EXPECT_EQ(rows[0].refused, 1u);
  EXPECT_EQ(rows[0].since, now);
  EXPECT_EQ(rows[0].at, now + 1s);
  EXPECT_EQ(rows[1].port, 443);
  EXPECT_EQ(rows[1].answered, 1u);
  EXPECT_EQ(rows[1].evicted, 1u);
  EXPECT_EQ(rows[2].source.to_string(), "10.77.1.0");
  EXPECT_EQ(rows[3].source.to_string(), "fd77:1:2:3::");
  EXPECT_EQ(rows[3].prefix, 64);
  EXPECT_EQ(rows[3].connections, 2u);
  EXPECT_TRUE(flushed(tally, now + 2s).empty());
}

TEST(FloodTally, IsBounded) {
  FloodTally tally;
  for (std::uint16_t port = 1; port <= 2000; ++port)
    tally.count(*IpAddress::parse("10.0.0.1"), port, {}, TimePoint{1h});
  const auto rows = flushed(tally, TimePoint{2h});
  ASSERT_EQ(rows.size(), FloodTally::kRows + 1);
  EXPECT_EQ(rows.back().prefix, 0) << "all the others";
  EXPECT_EQ(rows.back().port, 0);
  EXPECT_EQ(rows.back().connections, 2000u - FloodTally::kRows);
  tally.count(*IpAddress::parse("10.0.0.1"), 1999, {}, TimePoint{3h});
  EXPECT_EQ(flushed(tally, TimePoint{4h}).at(0).port, 1999);
}

/// A table in a flood: from the first SYN on.
class Flooded : public TableStory {
 public:
  explicit Flooded(std::uint32_t capacity = 4096) : TableStory(flooded_by(1, capacity)) {
    client_port = 1;
    client("SYN 0");
  }
  Flooded& at(std::uint16_t port) {
    client_port = port;
    return *this;
  }
  std::uint32_t counted(std::uint32_t HalfOpenFlood::*what = &HalfOpenFlood::connections) const {
    std::uint32_t sum = 0;
    for (const HalfOpenFlood& row : listener.floods) sum += row.*what;
    return sum;
  }
};

TEST(Flood, WhatComesToNothingIsCounted) {
  Flooded s;
  ASSERT_EQ(s.listener.floods.size(), 1u);
  EXPECT_EQ(s.listener.floods[0].phase, Phase::began);
  s.at(2).client("SYN 0");  // and never an answer
  s.at(3).client("SYN 0");
  s.server("RST,ACK 0 ack 1");
  s.at(4).client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.wait(300s);
  EXPECT_EQ(s.listener.floods.back().phase, Phase::counted);
  EXPECT_EQ(s.counted(), 4u);
  EXPECT_EQ(s.counted(&HalfOpenFlood::refused), 1u);
  EXPECT_EQ(s.counted(&HalfOpenFlood::answered), 1u);
  EXPECT_TRUE(s.listener.opened.empty());
  EXPECT_TRUE(s.listener.transitions.empty());
  EXPECT_TRUE(s.listener.segments.empty());
  EXPECT_TRUE(s.listener.closed.empty());
  EXPECT_EQ(s.table.size(), 0u);
  EXPECT_EQ(s.table.next_due(), kNever);
  s.at(5).client_sends("SYN 0");
  EXPECT_EQ(s.listener.floods.back().phase, Phase::began) << "the one before was over";
}

TEST(Flood, AConnectionThatGetsThroughIsToldWhole) {
  TableStory calm;
  Flooded s;
  for (TableStory* story : {&calm, static_cast<TableStory*>(&s)}) {
    story->client_port = 9;
    story->now = TimePoint{2h};
    story->client_sends("SYN 0 scale 7", {.drop = true});
    story->wait(1s);
    story->client("SYN 0 scale 7");
    story->server("SYN,ACK 0 ack 1 scale 7");
    story->client("ACK 1 ack 1 len 10");
    story->server("FIN,ACK 1 ack 11");
    story->client("FIN,ACK 11 ack 2");
    story->server("ACK 2 ack 12");
  }
  ASSERT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.listener.opened[0].at, calm.listener.opened[0].at) << "with its true time";
  ASSERT_EQ(s.listener.transitions.size(), calm.listener.transitions.size()) << s.story();
  for (std::size_t i = 0; i < s.listener.transitions.size(); ++i) {
    const Transition& is = s.listener.transitions[i];
    const Transition& was = calm.listener.transitions[i];
    EXPECT_EQ(is.at, was.at);
    EXPECT_EQ(is.side, was.side);
    EXPECT_EQ(is.to, was.to);
    EXPECT_EQ(is.row, was.row);
    EXPECT_EQ(is.segment.tcp.seq, was.segment.tcp.seq);
    EXPECT_EQ(is.segment.fate, was.segment.fate);
    EXPECT_EQ(is.segment.drop, was.segment.drop);
  }
  ASSERT_EQ(s.listener.segments.size(), calm.listener.segments.size());
  for (std::size_t i = 0; i < s.listener.segments.size(); ++i) {
    EXPECT_EQ(s.listener.segments[i].sent_at, calm.listener.segments[i].sent_at);
    EXPECT_EQ(s.listener.segments[i].delivered_at, calm.listener.segments[i].delivered_at);
    EXPECT_EQ(s.listener.segments[i].retransmission, calm.listener.segments[i].retransmission);
  }
  ASSERT_EQ(s.listener.closed.size(), 1u);
  EXPECT_EQ(s.listener.closed[0].end, End::orderly);
  EXPECT_EQ(s.listener.closed[0].figures, calm.listener.closed[0].figures);
}

TEST(Flood, EachIsToldOrCounted) {
  Flooded s(100);
  constexpr std::uint32_t kAttempts = 2000;
  for (std::uint32_t i = 0; i < kAttempts; ++i) {
    s.client_host = static_cast<HostNumber>(2 + i % 40);
    s.at(static_cast<std::uint16_t>(1000 + i));
    s.new_isns(i, i + 1);
    if (i % 10 == 0) {
      s.shake_hands();
    } else {
      s.client("SYN 0");
      if (i % 3 == 0) s.server("RST,ACK 0 ack 1");
    }
  }
  s.table.close_all(s.now);
  EXPECT_EQ(s.listener.opened.size(), kAttempts / 10);
  EXPECT_EQ(s.listener.closed.size(), kAttempts / 10);
  EXPECT_EQ(s.counted(), kAttempts - kAttempts / 10 + 1) << "with the first of all";
  EXPECT_EQ(s.listener.floods.back().phase, Phase::ended);
}

// A client that was refused and counted, and tries again and gets through.
TEST(Flood, ASecondAttemptIsAnotherConnection) {
  Flooded s;
  s.at(9).client("SYN 0");
  s.server("RST,ACK 0 ack 1");
  s.shake_hands();
  ASSERT_EQ(s.listener.opened.size(), 1u);
  s.expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  s.wait(2s);
  EXPECT_EQ(s.counted(&HalfOpenFlood::refused), 1u);
}

// A client in no hurry: its handshake was given up, and counted.
TEST(Flood, ALateAcknowledgementIsAConnectionPickedUp) {
  Flooded s;
  s.at(9).client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.wait(140s);
  EXPECT_EQ(s.counted(&HalfOpenFlood::answered), 1u);
  s.client("ACK 1 ack 1 len 5");
  ASSERT_EQ(s.listener.opened.size(), 1u);
}

TEST(Flood, ItsEndIsToldAndThenEachIsToldAgain) {
  TableStory s(flooded_by(100));
  for (std::uint16_t port = 1; port <= 200; ++port) {
    s.client_port = port;
    s.client_sends("SYN 0");  // one a millisecond
  }
  EXPECT_EQ(s.listener.opened.size(), 55u) << "half a second's worth, and what ran out meanwhile";
  ASSERT_EQ(s.listener.floods.size(), 1u);
  s.wait(2s);
  ASSERT_EQ(s.listener.floods.size(), 2u);
  EXPECT_EQ(s.listener.floods[1].phase, Phase::ended);
  EXPECT_EQ(s.listener.floods[1].since, s.listener.floods[0].at);
  s.client_port = 999;
  s.client("SYN 0");
  EXPECT_EQ(s.listener.opened.size(), 56u);
}

}  // namespace
