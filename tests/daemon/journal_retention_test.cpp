// Retention: the oldest goes first, in slices, and the file becomes smaller.
#include <gmock/gmock.h>

#include "daemon/journal/journal_file.h"
#include "daemon/journal/retention.h"
#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

/// A writer without the journal's thread, so that slices can be looked at one by one.
class RetentionTest : public testing::Test {
 protected:
  RetentionTest() : database(open_journal(directory.file("journal.db"))), writer(*database, anchor) {
    writer.begin_session("test", now());
  }

  api::WallTime now() const { return anchor.at(start); }
  void write(std::vector<LinkEvent> events) {
    Batch batch;
    batch.first_id = static_cast<std::uint64_t>(writer.books().last_event_id) + 1;
    batch.last_id =
        batch.first_id - 1 + static_cast<std::uint64_t>(std::count_if(events.begin(), events.end(), takes_event_id));
    batch.drained.push_back({1, std::move(events)});
    writer.write(batch);
  }
  /// Connections first, first + 1, ... each with two transitions, a segment, an opening and a closing, one second
  /// apart.
  void write_connections(ConnectionId first, int count) {
    std::vector<LinkEvent> events;
    for (int i = 0; i < count; ++i) {
      const ConnectionId id = first + static_cast<ConnectionId>(i);
      const TimePoint at = start + std::chrono::seconds(id);
      events.emplace_back(opening_of(id, at));
      events.emplace_back(transition_of(id, Role::client, TcpState::none, TcpState::syn_sent, at));
      events.emplace_back(transition_of(id, Role::server, TcpState::none, TcpState::syn_received, at));
      events.emplace_back(segment_of(id, tcp_flag::kSyn, DropReason::none, at));
      events.emplace_back(closing_of(id, End::orderly, ClosedBy::client, at));
    }
    write(std::move(events));
  }
  std::int64_t count(const std::string& table) { return database->integer(("SELECT count(*) FROM " + table).c_str()); }
  std::int64_t total() { return count("connections") + count("transitions") + count("events") + count("segments"); }
  /// Cuts until nothing is left to cut; no slice may be too large. Returns how many there were.
  int cut_all(const RetentionLimits& limits, api::WallTime at) {
    Retention retention(*database, writer, limits);
    int slices = 0;
    for (bool more = true; more; ++slices) {
      const auto before = total();
      more = retention.cut_slice(at);
      EXPECT_LE(before - total(), Retention::kSliceRows);
    }
    EXPECT_EQ(count("connections"), writer.books().connections);
    EXPECT_EQ(count("transitions"), writer.books().transitions);
    EXPECT_EQ(count("events"), writer.books().events);
    EXPECT_EQ(count("segments"), writer.books().segments);
    return slices;
  }

  TemporaryDirectory directory;
  TimePoint start = monotonic_now();
  WallAnchor anchor = WallAnchor::now();
  std::unique_ptr<Database> database;
  JournalWriter writer;
};

TEST_F(RetentionTest, KeepsTheNewestRowsInSmallSlices) {
  write_connections(1, 5000);
  EXPECT_GT(cut_all({.connections = 1000, .transitions_and_events = 3000, .segments = 700}, now()), 40);
  EXPECT_LE(count("connections"), 1000);
  EXPECT_GT(count("connections"), 900);
  EXPECT_LE(count("transitions") + count("events"), 3000);
  EXPECT_GT(count("transitions") + count("events"), 2500);
  EXPECT_LE(count("segments"), 700);
  EXPECT_EQ(count("connections WHERE id = 5000"), 1) << "the newest stay";
  EXPECT_EQ(count("connections WHERE id <= 4000"), 0) << "the oldest went";
  EXPECT_EQ(database->integer("SELECT max(id) FROM transitions") + 1, writer.books().last_event_id);
  // Both tables end at the same place in the sequence: no event tells of transitions that are gone but one's own.
  EXPECT_LT(
      std::abs(database->integer("SELECT min(id) FROM transitions") - database->integer("SELECT min(id) FROM events")),
      5);
}

TEST_F(RetentionTest, WithinItsBoundsNothingGoes) {
  write_connections(1, 100);
  EXPECT_EQ(cut_all({}, now()), 1);
  EXPECT_EQ(count("connections"), 100);
  EXPECT_EQ(cut_all({.connections = 0, .transitions_and_events = 0, .segments = 0, .age = {}}, now()), 1)
      << "0: no bound";
  EXPECT_EQ(count("connections"), 100);
}

TEST_F(RetentionTest, ConnectionsThatLiveStay) {
  std::vector<LinkEvent> events;
  for (ConnectionId id = 1; id <= 10; ++id) events.emplace_back(opening_of(id));
  write(std::move(events));
  write_connections(11, 100);
  cut_all({.connections = 20}, now());
  EXPECT_EQ(count("connections WHERE id <= 10"), 10);
  EXPECT_LE(count("connections"), 20);
}

TEST_F(RetentionTest, WhatIsOldGoes) {
  write_connections(1, 2000);  // a second apart
  const RetentionLimits limits{.age = hours(1)};
  cut_all(limits, now());
  EXPECT_EQ(count("connections"), 2000);
  const auto an_hour_after_the_thousandth = anchor.at(start + std::chrono::seconds(1000) + hours(1));
  cut_all(limits, an_hour_after_the_thousandth);
  EXPECT_EQ(database->integer("SELECT min(id) FROM connections"), 1000);
  EXPECT_EQ(database->integer("SELECT min(connection) FROM transitions"), 1000);
  EXPECT_EQ(database->integer("SELECT min(connection) FROM segments"), 1000);
  cut_all(limits, anchor.at(start + hours(100)));
  EXPECT_EQ(total(), 0);
}

TEST_F(RetentionTest, TheConditionsInForceAreKept) {
  for (const int hour : {1, 2, 3}) {
    Batch batch;
    PostedEvent event;
    event.id = static_cast<std::uint64_t>(hour);
    event.at = anchor.at(start + hours(hour));
    event.kind = "conditions";
    event.link = 1;
    event.conditions = PostedEvent::Conditions{static_cast<std::uint64_t>(hour), "test", "{}"};
    batch.posted.push_back(event);
    batch.last_id = event.id;
    writer.write(batch);
  }
  cut_all({.age = hours(1)}, anchor.at(start + hours(100)));
  EXPECT_EQ(count("condition_changes"), 1);
  EXPECT_EQ(database->integer("SELECT revision FROM condition_changes"), 3);
}

TEST_F(RetentionTest, ChangesOfConditionsCountForTheSize) {
  constexpr int kChanges = 20'000;
  const std::string conditions = R"({"up":{"delay":{"time":"80ms"},"loss":{"random":"2%"}},"down":{}})";
  Batch batch;
  for (int i = 1; i <= kChanges; ++i) {
    PostedEvent event;
    event.id = static_cast<std::uint64_t>(i);
    event.at = anchor.at(start + std::chrono::seconds(i));
    event.kind = "conditions";
    event.link = 1;
    event.conditions = PostedEvent::Conditions{static_cast<std::uint64_t>(i), "test", conditions};
    batch.posted.push_back(event);
  }
  batch.last_id = kChanges;
  writer.write(batch);
  cut_all({.connections = 0, .transitions_and_events = 0, .segments = 0, .age = {}, .bytes = 1'000'000}, now());
  EXPECT_LT(count("condition_changes"), kChanges / 2);
  EXPECT_LT(std::abs(count("condition_changes") - count("events")), 1000) << "both go back as far";
  EXPECT_EQ(database->integer("SELECT max(revision) FROM condition_changes"), kChanges);
}

TEST_F(RetentionTest, TheFileBecomesSmaller) {
  for (int i = 0; i < 12; ++i) write_connections(static_cast<ConnectionId>(1 + i * 5000), 5000);
  const auto pages = database->integer("PRAGMA page_count");
  cut_all({.connections = 1000, .transitions_and_events = 1000, .segments = 1000}, now());
  EXPECT_LT(database->integer("PRAGMA page_count"), pages / 3);
  Statement check(*database, "PRAGMA integrity_check");
  ASSERT_TRUE(check.step());
  EXPECT_EQ(check.text(0), "ok");
}

TEST_F(RetentionTest, TheFileKeepsToItsSize) {
  constexpr std::int64_t kBytes = 4'000'000;
  Retention retention(*database, writer,
                      {.connections = 0, .transitions_and_events = 0, .segments = 0, .age = {}, .bytes = kBytes});
  std::int64_t largest = 0;
  for (int i = 0; i < 20; ++i) {
    write_connections(static_cast<ConnectionId>(1 + i * 1000), 1000);
    while (retention.cut_slice(now())) {
    }
    largest = std::max(largest, database->integer("PRAGMA page_count") * database->integer("PRAGMA page_size"));
  }
  EXPECT_LE(largest, kBytes + 100'000);
  EXPECT_GT(largest, kBytes / 2) << "what may be kept is kept";
  EXPECT_FALSE(retention.is_urgent());
  // The log has lost its beginning: each table goes back about as far as the others.
  const auto first = [&](const std::string& column, const std::string& table) {
    return database->integer(("SELECT min(" + column + ") FROM " + table).c_str());
  };
  EXPECT_GT(first("id", "connections"), 5000);
  EXPECT_EQ(database->integer("SELECT max(id) FROM connections"), 20'000);
  EXPECT_LT(std::abs(first("id", "connections") - first("connection", "transitions")), 1000);
  EXPECT_LT(std::abs(first("id", "connections") - first("connection", "segments")), 1000);
  EXPECT_EQ(count("connections"), writer.books().connections);
  EXPECT_EQ(count("segments"), writer.books().segments);
}

TEST(JournalRetention, TheThreadKeepsTheBounds) {
  const TemporaryDirectory directory;
  EventRing ring;
  Journal journal({.file = directory.file("journal.db"),
                   .retention = {.connections = 50, .transitions_and_events = 400, .segments = 50}});
  journal.add_link("lab", ring);
  for (ConnectionId id = 1; id <= 1000; ++id) push_life(ring, id);
  ASSERT_TRUE(journal.sync(kLongEnough));
  const auto is_within = [&] {
    return journal.connections({.limit = 1000}).items.size() <= 50 && journal.events({.limit = 10'000}).size() <= 400;
  };
  const TimePoint until = monotonic_now() + kLongEnough;
  while (!is_within() && monotonic_now() < until) journal.wait_for_event(journal.newest_event(), milliseconds(5));
  EXPECT_TRUE(is_within());
  EXPECT_TRUE(journal.connection(1000)) << "the newest stays";
  journal.stop();
}

}  // namespace
}  // namespace wobble::daemon
