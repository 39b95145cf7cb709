// The system's clock is set, or the machine sleeps, while the journal runs. Nobody's clock is set here: the journal is
// given one of its own.
#include <gmock/gmock.h>

#include <atomic>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// The system's, and what is added to it.
struct Clocks {
  std::atomic<std::int64_t> wall{0};
  std::atomic<std::int64_t> boot{0};

  void set(Duration by) { wall += by.count(); }
  void sleep(Duration span) {
    wall += span.count();
    boot += span.count();
  }
  WallAnchor::Clocks reader() {
    return [this] {
      ClockReading reading = read_clocks();
      reading.wall += Duration(wall);
      reading.boot += Duration(boot);
      return reading;
    };
  }
};

TEST(WallAnchorOf, AClockThatIsSetKeepsTheTimesOfBefore) {
  Clocks clocks;
  WallAnchor anchor(clocks.reader());
  const TimePoint before = monotonic_now();
  const api::WallTime then = anchor.at(before);
  EXPECT_FALSE(anchor.look());
  std::int64_t by = 0;
  for (const Duration step : {Duration(8h), Duration(-24h), Duration(500ms)}) {
    clocks.set(step);
    by += step.count();
    const auto found = anchor.look();
    ASSERT_TRUE(found);
    EXPECT_LT(std::chrono::abs(found->by - step), 1ms);
    EXPECT_EQ(found->slept, 0ns);
    EXPECT_EQ(anchor.at(before), then);
    const TimePoint now = monotonic_now();
    EXPECT_NEAR(static_cast<double>(anchor.at(now)), static_cast<double>(then + (now - before).count() + by), 2e6);
    EXPECT_FALSE(anchor.look());
  }
}

TEST(WallAnchorOf, ASleepIsToldFromAClockThatWasSet) {
  Clocks clocks;
  WallAnchor anchor(clocks.reader());
  clocks.sleep(2h);
  clocks.set(3s);
  const auto step = anchor.look();
  ASSERT_TRUE(step);
  EXPECT_LT(std::chrono::abs(step->slept - 2h), 1ms);
  EXPECT_LT(std::chrono::abs(step->by - (2h + 3s)), 1ms);
}

TEST(WallAnchorOf, MoreStepsThanAreKeptAreNoHarm) {
  Clocks clocks;
  WallAnchor anchor(clocks.reader());
  for (int i = 0; i < 200; ++i) {
    clocks.set(i % 2 == 0 ? 1h : -1h);
    ASSERT_TRUE(anchor.look());
  }
  const TimePoint now = monotonic_now();
  EXPECT_NEAR(static_cast<double>(anchor.at(now)), static_cast<double>(WallAnchor::now().at(now)), 2e6);
}

class JournalClock : public testing::Test {
 protected:
  std::vector<ConnectionId> opened_since(Duration ago) {
    api::ConnectionQuery query;
    query.since_ago = ago;
    std::vector<ConnectionId> found;
    for (const auto& row : journal_->connections(query).items) found.push_back(row.id);
    return found;
  }
  std::vector<ConnectionId> opened_until(Duration ago) {
    api::ConnectionQuery query;
    query.until_ago = ago;
    std::vector<ConnectionId> found;
    for (const auto& row : journal_->connections(query).items) found.push_back(row.id);
    return found;
  }
  /// As the links do it, which draw the numbers.
  void open(TimePoint at = monotonic_now()) {
    const ConnectionId id = journal_->connection_ids()->fetch_add(1);
    ring_.on(opening_of(id, at));
    ring_.on(closing_of(id, End::orderly, ClosedBy::client, at));
  }
  /// Waits until it is recorded.
  api::EventRow stepped() {
    api::EventQuery query;
    query.kind = "clock_stepped";
    query.since = told_;
    for (int i = 0; i < 300; ++i) {
      journal_->sync(1s);
      const auto events = journal_->events(query);
      if (!events.empty()) {
        told_ = events.back().id;
        return events.back();
      }
      std::this_thread::sleep_for(50ms);
    }
    ADD_FAILURE() << "no clock_stepped";
    return {};
  }

  void start() {
    JournalOptions options;
    options.file = directory_.file("journal.db");
    options.clocks = clocks_.reader();
    journal_ = std::make_unique<Journal>(options);
    journal_->add_link("lab", ring_);
  }
  ~JournalClock() override { journal_.reset(); }

  Clocks clocks_;
  TemporaryDirectory directory_;
  EventRing ring_;
  std::unique_ptr<Journal> journal_;
  std::uint64_t told_ = 0;
};

TEST_F(JournalClock, AStepIsToldAndWhatFollowsBearsTheNewTime) {
  start();
  open();
  ASSERT_TRUE(journal_->sync(10s));
  clocks_.set(8h);
  const api::EventRow event = stepped();
  EXPECT_THAT(event.text, HasSubstr("the clock was set ahead by 8 h 0 min"));
  EXPECT_THAT(event.detail, HasSubstr("\"by_ms\":28"));
  open();
  ASSERT_TRUE(journal_->sync(10s));
  const auto first = journal_->connection(1), second = journal_->connection(2);
  ASSERT_TRUE(first && second);
  const std::int64_t between = second->opened_at - first->opened_at;
  EXPECT_GE(between, Duration(8h).count());
  EXPECT_LT(between, Duration(8h + 10min).count());
  EXPECT_GE(event.at - first->opened_at, Duration(8h).count());
}

TEST_F(JournalClock, ASleepIsToldAsOne) {
  start();
  clocks_.sleep(90min);
  EXPECT_THAT(stepped().text, HasSubstr("the machine slept for 1 h 30 min"));
}

// The clock is set back and ahead: those opened in the last minute are found, whatever times they bear, and no others.
TEST_F(JournalClock, SinceMeansWhatItSaysOverAStep) {
  start();
  const TimePoint now = monotonic_now();
  for (const Duration by : {Duration(-24h), Duration(8h)}) {
    open(now - 2h);   // 1, 4
    open(now - 30s);  // 2, 5
    ASSERT_TRUE(journal_->sync(10s));
    clocks_.set(by);
    stepped();
    open();  // 3, 6
    ASSERT_TRUE(journal_->sync(10s));
    if (by < Duration(0)) {
      EXPECT_THAT(opened_since(10min), ElementsAre(3, 2));
      EXPECT_THAT(opened_until(10min), ElementsAre(1));
      EXPECT_THAT(opened_since(24h), SizeIs(3));
    }
  }
  const std::vector<ConnectionId> lately = opened_since(10min);
  EXPECT_THAT(lately, testing::IsSupersetOf({ConnectionId{6}, ConnectionId{3}}));
  EXPECT_THAT(lately, testing::Not(testing::Contains(ConnectionId{1})));
}

// By the new time no change was made yet.
TEST_F(JournalClock, WhatIsInForceIsKnownOverAStep) {
  start();
  journal_->record_link("lab", R"({"up":{"loss":{"random":"2%"}},"down":{}})");
  ASSERT_TRUE(journal_->sync(10s));
  clocks_.set(-24h);
  const api::EventRow event = stepped();
  open();
  const api::EventRow note = journal_->annotate("after the step", "lab");
  EXPECT_LT(std::chrono::abs(Duration(note.at - event.at)), 10min);
  ASSERT_TRUE(journal_->sync(10s));
  api::ConnectionQuery query;
  query.condition = "loss";
  EXPECT_THAT(journal_->connections(query).items, SizeIs(1));
  const auto conditions = journal_->conditions(1);
  ASSERT_THAT(conditions, SizeIs(1));
  EXPECT_EQ(conditions[0].revision, 1u);
  EXPECT_THAT(journal_->events({.kind = "conditions"}), SizeIs(0)) << "nobody has changed anything";
}

TEST_F(JournalClock, SinceIsOfLogsOfBeforeToo) {
  start();
  open(monotonic_now() - 20min);
  ASSERT_TRUE(journal_->sync(10s));
  journal_.reset();
  start();
  open();
  ASSERT_TRUE(journal_->sync(10s));
  EXPECT_THAT(opened_since(10min), SizeIs(1));
  EXPECT_THAT(opened_since(1h), SizeIs(2));
  clocks_.set(-24h);
  stepped();
  EXPECT_THAT(opened_since(10min), SizeIs(1));
  EXPECT_THAT(opened_since(1h), SizeIs(2));
}

}  // namespace
}  // namespace wobble::daemon
