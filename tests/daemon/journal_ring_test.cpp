// The ring between a link's thread and the journal's: order, refusal, and that every loss is told exactly once.
#include <gtest/gtest.h>

#include <thread>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

std::vector<LinkEvent> drain(EventRing& ring, std::size_t at_most = 1'000'000) {
  std::vector<LinkEvent> events;
  ring.drain(events, at_most);
  return events;
}

Transition numbered(ConnectionId id) {
  return transition_of(id, Role::client, TcpState::none, TcpState::syn_sent, TimePoint(Duration(id)));
}

TEST(EventRing, KeepsOrderAndKinds) {
  EventRing ring(16);
  ring.on(opening_of(1));
  ring.on(numbered(1));
  ring.on(segment_of(1, tcp_flag::kSyn));
  ring.on(closing_of(1));
  EXPECT_EQ(ring.size(), 4u);
  const auto first = drain(ring, 3);
  const auto rest = drain(ring);
  ASSERT_EQ(first.size(), 3u);
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<ConnectionOpened>(first[0]));
  EXPECT_TRUE(std::holds_alternative<Transition>(first[1]));
  EXPECT_TRUE(std::holds_alternative<SegmentRecord>(first[2]));
  EXPECT_TRUE(std::holds_alternative<ConnectionClosed>(rest[0]));
  EXPECT_EQ(ring.size(), 0u);
}

TEST(EventRing, CapacityIsAPowerOfTwo) {
  EXPECT_EQ(EventRing(1).capacity(), 4u);
  EXPECT_EQ(EventRing(5).capacity(), 8u);
  EXPECT_EQ(EventRing(64).capacity(), 64u);
}

TEST(EventRing, EachEndHasItsOwnFigures) {
  EventRing ring(16);
  for (ConnectionId id = 1; id <= 100; ++id) {  // round the ring of figures several times
    ring.on(numbered(id));
    ring.on(closing_of(id));
    if (id % 3 != 0) continue;
    const auto events = drain(ring);
    for (const LinkEvent& event : events) {
      const auto* closed = std::get_if<ConnectionClosed>(&event);
      if (closed == nullptr) continue;
      ASSERT_EQ(closed->figures, closing_of(closed->id).figures);
      ASSERT_EQ(closed->end, End::orderly);
    }
    ASSERT_EQ(events.size(), 6u);
  }
  EXPECT_EQ(ring.lost_transitions(), 0u);
}

TEST(EventRing, EndsWithoutRoomForTheirFiguresAreLostAndTold) {
  EventRing ring(8192);  // room for the figures of 2,048
  for (ConnectionId id = 1; id <= 2050; ++id) ring.on(closing_of(id));
  EXPECT_EQ(ring.lost_transitions(), 2u);
  ring.on(numbered(1));
  const auto events = drain(ring);
  ASSERT_EQ(events.size(), 2050u);
  EXPECT_EQ(std::get<ConnectionClosed>(events[2047]).figures.client.packets_sent, 2048u);
  EXPECT_EQ(std::get<EventsLost>(events[2048]).transitions, 2u);
  ring.on(closing_of(7));
  EXPECT_EQ(std::get<ConnectionClosed>(drain(ring).at(0)).figures.client.packets_sent, 7u);
}

TEST(EventRing, OrdinarySegmentsAreRefusedFirst) {
  EventRing ring(16);
  for (int i = 0; i < 20; ++i) ring.on(segment_of(1, tcp_flag::kAck | tcp_flag::kPsh));
  EXPECT_EQ(ring.size(), 9u) << "one more than half";
  EXPECT_EQ(ring.lost_segments(), 11u);
  drain(ring);
  for (ConnectionId id = 0; id < 9; ++id) ring.on(numbered(id));
  ring.on(segment_of(1, tcp_flag::kAck));
  EXPECT_EQ(ring.lost_segments(), 12u);
  ring.on(segment_of(1, tcp_flag::kSyn));
  ring.on(segment_of(1, tcp_flag::kFin | tcp_flag::kAck));
  ring.on(segment_of(1, tcp_flag::kAck, DropReason::loss));
  EXPECT_EQ(ring.lost_segments(), 12u) << "handshake, close and drops are kept longer";
  EXPECT_EQ(ring.size(), 12u);
  ring.on(segment_of(1, tcp_flag::kRst));
  EXPECT_EQ(ring.size(), 13u);
  ring.on(segment_of(1, tcp_flag::kRst));
  EXPECT_EQ(ring.lost_segments(), 13u) << "but not in the last quarter";
  for (ConnectionId id = 9; id < 12; ++id) ring.on(numbered(id));
  EXPECT_EQ(ring.size(), 16u) << "which is for transitions";
  EXPECT_EQ(ring.lost_transitions(), 0u);
}

TEST(EventRing, RefusedSegmentsAreToldTogether) {
  EventRing ring(16);
  for (ConnectionId id = 0; id < 13; ++id) ring.on(numbered(id));
  for (ConnectionId id = 13; id < 16; ++id) {  // a burst: of each connection a segment and a transition
    ring.on(segment_of(id, tcp_flag::kSyn));
    ring.on(numbered(id));
  }
  EXPECT_EQ(ring.lost_segments(), 3u);
  EXPECT_EQ(ring.lost_transitions(), 0u) << "no report has taken its place";
  EXPECT_EQ(drain(ring, 12).size(), 12u);
  ring.on(numbered(16));
  const auto events = drain(ring);
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(std::get<EventsLost>(events[4]).segments, 3u);
  EXPECT_EQ(std::get<Transition>(events[5]).id, 16u);
}

TEST(EventRing, ManyRefusedSegmentsAreToldWhileTheyAreRefused) {
  EventRing ring(16);
  for (ConnectionId id = 0; id < 13; ++id) ring.on(numbered(id));
  for (int i = 0; i < 9; ++i) ring.on(segment_of(1, tcp_flag::kSyn));
  ring.on(numbered(13));
  const auto events = drain(ring);
  ASSERT_EQ(events.size(), 15u);
  EXPECT_EQ(std::get<EventsLost>(events[13]).segments, 9u);
}

TEST(EventRing, ALowerLimitCountsAsFull) {
  EventRing ring(64);
  EXPECT_EQ(ring.limit(), 64u);
  for (ConnectionId id = 0; id < 20; ++id) ring.on(numbered(id));
  ring.set_limit(16);
  ring.on(numbered(20));
  EXPECT_EQ(ring.lost_transitions(), 1u);
  EXPECT_EQ(drain(ring, 10).size(), 10u) << "what was in it stays";
  ring.on(numbered(21));
  const auto events = drain(ring);
  ASSERT_EQ(events.size(), 12u);
  EXPECT_EQ(std::get<EventsLost>(events[10]).transitions, 1u);
  ring.set_limit(1000);
  EXPECT_EQ(ring.limit(), 64u);
  for (ConnectionId id = 0; id < 64; ++id) ring.on(numbered(id));
  EXPECT_EQ(ring.size(), 64u);
  EXPECT_EQ(ring.lost_transitions(), 1u);
}

TEST(EventRing, LossStandsInTheGap) {
  EventRing ring(4);
  for (ConnectionId id = 0; id < 4; ++id) ring.on(numbered(id));
  ring.on(opening_of(4));
  ring.on(numbered(4));
  ring.on(closing_of(4));
  ring.on(segment_of(4, tcp_flag::kRst));
  EXPECT_EQ(ring.lost_transitions(), 3u);
  EXPECT_EQ(ring.lost_segments(), 1u);
  EXPECT_EQ(drain(ring, 1).size(), 1u);
  ring.on(numbered(5));  // one slot is too few for the report and the event
  EXPECT_EQ(ring.lost_transitions(), 4u);
  EXPECT_EQ(drain(ring, 2).size(), 2u);
  ring.on(numbered(6));
  const auto events = drain(ring);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(std::get<Transition>(events[0]).id, 3u);
  const auto& lost = std::get<EventsLost>(events[1]);
  EXPECT_EQ(lost.transitions, 4u);
  EXPECT_EQ(lost.segments, 1u);
  EXPECT_EQ(lost.at, TimePoint(Duration(5))) << "when the latest was lost";
  EXPECT_EQ(std::get<Transition>(events[2]).id, 6u);
}

TEST(EventRing, LossIsToldThoughNothingFollows) {
  EventRing ring(4);
  for (ConnectionId id = 0; id < 6; ++id) ring.on(numbered(id));
  EXPECT_EQ(drain(ring, 3).size(), 3u) << "not empty yet: the gap is further on";
  const auto events = drain(ring);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(std::get<EventsLost>(events[1]).transitions, 2u);
  EXPECT_TRUE(drain(ring).empty()) << "told once";
}

/// Pushes `count` numbered events and as many segments as fast as it can, into a ring that is much too small.
void stress(std::size_t capacity, ConnectionId count) {
  EventRing ring(capacity);
  std::atomic<bool> done{false};
  std::thread producer([&] {
    for (ConnectionId id = 1; id <= count; ++id) {
      ring.on(numbered(id));
      ring.on(segment_of(id, tcp_flag::kAck));
      if (id % 1024 == 0) std::this_thread::yield();
    }
    done = true;
  });
  std::uint64_t transitions = 0, segments = 0, told_transitions = 0, told_segments = 0;
  ConnectionId last = 0;
  bool in_order = true;
  for (bool last_look = false;; last_look = done) {
    std::vector<LinkEvent> events;
    ring.drain(events, capacity / 4);
    for (const LinkEvent& event : events) {
      if (const auto* lost = std::get_if<EventsLost>(&event)) {
        told_transitions += lost->transitions;
        told_segments += lost->segments;
      } else if (const auto* transition = std::get_if<Transition>(&event)) {
        ++transitions;
        in_order = in_order && transition->id > last && transition->at == TimePoint(Duration(transition->id));
        last = transition->id;
      } else {
        ++segments;
        in_order = in_order && std::get<SegmentRecord>(event).id >= last;
      }
    }
    if (last_look && events.empty()) break;
  }
  producer.join();
  EXPECT_TRUE(in_order);
  EXPECT_EQ(transitions + told_transitions, count);
  EXPECT_EQ(segments + told_segments, count);
  EXPECT_EQ(told_transitions, ring.lost_transitions());
  EXPECT_EQ(told_segments, ring.lost_segments());
}

TEST(EventRing, TwoThreadsTinyRing) { stress(8, 200'000); }
TEST(EventRing, TwoThreadsRoomyRing) { stress(4096, 200'000); }

}  // namespace
}  // namespace wobble::daemon
