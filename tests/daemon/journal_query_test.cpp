// Questions to the journal: filters, cursors, and resuming by number while it is being written.
#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using std::chrono::milliseconds;

class JournalQueryTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    journal = std::make_unique<Journal>(JournalOptions{.file = directory.file("journal.db"), .batch_events = 64});
    journal->add_link("lab", lab);
    journal->add_link("other", other);
  }
  std::vector<ConnectionId> ids(const api::ConnectionQuery& query) {
    std::vector<ConnectionId> found;
    for (const auto& row : journal->connections(query).items) found.push_back(row.id);
    return found;
  }
  std::vector<std::uint64_t> event_ids(const api::EventQuery& query) {
    std::vector<std::uint64_t> found;
    for (const auto& event : journal->events(query)) found.push_back(event.id);
    return found;
  }

  TemporaryDirectory directory;
  EventRing lab;
  EventRing other;
  std::unique_ptr<Journal> journal;
};

TEST_F(JournalQueryTest, ConditionsInForce) {
  const auto change = [&](std::uint64_t revision, const char* conditions) {
    journal->record_change({.link = "lab", .revision = revision, .source = "test", .conditions = conditions});
  };
  // A connection's moment is the clock's, as a change's is.
  const auto open_and_close = [&](ConnectionId id) {
    lab.on(opening_of(id));
    lab.on(closing_of(id));
  };
  journal->record_link("lab", R"({"up":{},"down":{}})");
  open_and_close(1);
  lab.on(opening_of(2));  // lives through both changes
  change(2, R"({"up":{"delay":{"time":"80ms"}},"down":{}})");
  open_and_close(3);
  change(3, R"({"up":{},"down":{"loss":{"random":"2%"}}})");
  open_and_close(4);
  lab.on(closing_of(2));
  ASSERT_TRUE(journal->sync(kLongEnough));

  using testing::ElementsAre;
  EXPECT_THAT(ids({.condition = "none"}), ElementsAre(2, 1));
  EXPECT_THAT(ids({.condition = "delay"}), ElementsAre(3, 2));
  EXPECT_THAT(ids({.condition = "loss"}), ElementsAre(4, 2));
  EXPECT_THAT(ids({.condition = "rate"}), ElementsAre());
  const auto revisions = [&](ConnectionId id) {
    std::vector<std::uint64_t> all;
    for (const auto& row : journal->conditions(id)) all.push_back(row.revision);
    return all;
  };
  EXPECT_THAT(revisions(1), ElementsAre(1));
  EXPECT_THAT(revisions(2), ElementsAre(1, 2, 3));
  EXPECT_THAT(revisions(3), ElementsAre(2));
  EXPECT_THAT(revisions(4), ElementsAre(3));
  EXPECT_THAT(revisions(99), ElementsAre());
  EXPECT_EQ(journal->conditions(4)[0].conditions, R"({"up":{},"down":{"loss":{"random":"2%"}}})");
  EXPECT_EQ(journal->conditions(4)[0].source, "test");
}

TEST_F(JournalQueryTest, AScenarioAsksForWhatItsStepsAskFor) {
  journal->record_link("lab", R"({"up":{},"down":{},"scenario":[{"for":"2s","up":{"delay":{"time":"10ms"}}},)"
                              R"({"for":"1s","down":{"mtu":{"bytes":"1kB"},"slot":{"delay":{"time":"1ms"}}}}]})");
  lab.on(opening_of(1));
  lab.on(closing_of(1));
  ASSERT_TRUE(journal->sync(kLongEnough));
  using testing::ElementsAre;
  for (const char* asked : {"delay", "mtu", "slot"}) EXPECT_THAT(ids({.condition = asked}), ElementsAre(1)) << asked;
  for (const char* not_asked : {"none", "loss", "for"}) EXPECT_THAT(ids({.condition = not_asked}), ElementsAre());
}

TEST_F(JournalQueryTest, EachFilterOfConnections) {
  using enum TcpState;
  const TimePoint start = monotonic_now();
  const auto at = [&](int n) { return start + milliseconds(n); };
  lab.on(opening_of(1, at(1)));
  lab.on(transition_of(1, Role::client, none, syn_sent));
  lab.on(opening_of(2, at(2)));
  lab.on(closing_of(2, End::reset, ClosedBy::server));
  ConnectionOpened udp = opening_of(3, at(3));
  udp.protocol = kUdp;
  udp.server.port = 53;
  lab.on(udp);
  ASSERT_TRUE(journal->sync(kLongEnough));
  other.on(opening_of(4, at(4)));
  other.on(transition_of(4, Role::server, none, syn_received));
  ASSERT_TRUE(journal->sync(kLongEnough));

  using testing::ElementsAre;
  EXPECT_THAT(ids({}), ElementsAre(4, 2, 1));
  EXPECT_THAT(ids({.link = "lab"}), ElementsAre(2, 1));
  EXPECT_THAT(ids({.link = "other"}), ElementsAre(4));
  EXPECT_THAT(ids({.until = journal->wall_clock(at(3))}), ElementsAre(2, 1));
  EXPECT_THAT(ids({.since = journal->wall_clock(at(2)), .until = journal->wall_clock(at(4))}), ElementsAre(2));
  EXPECT_THAT(ids({.address = IpAddress::parse("10.77.1.1")}), ElementsAre(4, 2, 1));
  EXPECT_THAT(ids({.address = IpAddress::parse("10.77.1.2")}), ElementsAre());
  EXPECT_THAT(ids({.link = "nowhere"}), ElementsAre());
  EXPECT_THAT(ids({.state = syn_sent}), ElementsAre(1));
  EXPECT_THAT(ids({.state = syn_received}), ElementsAre(4)) << "of the server";
  EXPECT_THAT(ids({.link = "lab", .state = TcpState::closed, .protocol = kTcp}), ElementsAre(2, 1));
  EXPECT_THAT(ids({.port = 80}), ElementsAre(4, 2, 1));
  EXPECT_THAT(ids({.port = 40'002}), ElementsAre(2)) << "of the client";
  EXPECT_THAT(ids({.end = End::reset}), ElementsAre(2));
  EXPECT_THAT(ids({.end = End::open}), ElementsAre(4, 1));
  EXPECT_THAT(ids({.closed_by = ClosedBy::server}), ElementsAre(2));
  EXPECT_THAT(ids({.protocol = kUdp}), ElementsAre(3));
  EXPECT_THAT(ids({.flows = true}), ElementsAre(3)) << "all that is not TCP";
  EXPECT_THAT(ids({.protocol = kIcmp, .flows = true}), ElementsAre());
  EXPECT_THAT(ids({.since = journal->wall_clock(at(3))}), ElementsAre(4));
  EXPECT_THAT(ids({.limit = 2}), ElementsAre(4, 2));
}

TEST_F(JournalQueryTest, PagesAreNotMovedByWhatIsNew) {
  for (ConnectionId id = 1; id <= 250; ++id) lab.on(opening_of(id));
  ASSERT_TRUE(journal->sync(kLongEnough));
  std::vector<ConnectionId> found;
  api::ConnectionQuery query;
  int pages = 0;
  do {
    const auto page = journal->connections(query);
    for (const auto& row : page.items) found.push_back(row.id);
    query.cursor = page.next;
    ++pages;
    lab.on(opening_of(1000 + static_cast<ConnectionId>(pages)));
    ASSERT_TRUE(journal->sync(kLongEnough));
  } while (query.cursor);
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(found.size(), 250u);
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], 250 - i);
}

TEST_F(JournalQueryTest, NewestFirstWhateverTheNumber) {
  lab.on(opening_of(1'000'001));  // links number by themselves
  ASSERT_TRUE(journal->sync(kLongEnough));
  other.on(opening_of(2));
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_THAT(ids({}), testing::ElementsAre(2, 1'000'001));
}

TEST_F(JournalQueryTest, EventsByKindAndLink) {
  push_life(lab, 1);
  push_life(other, 2);
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto note = journal->annotate("here", "other");
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_EQ(journal->events({.kind = "transition"}).size(), 2u * kTransitionsOfLife);
  EXPECT_EQ(journal->events({.link = "lab"}).size(), kTransitionsOfLife + 2u);
  EXPECT_EQ(journal->events({.link = "other"}).size(), kTransitionsOfLife + 3u);
  EXPECT_THAT(event_ids({.kind = "annotation"}), testing::ElementsAre(note.id));
  EXPECT_EQ(journal->events({.link = "lab", .kind = "connection_closed"}).size(), 1u);
  EXPECT_TRUE(journal->events({.kind = "no such kind"}).empty());
}

TEST_F(JournalQueryTest, EventsPageBySinceAndLimit) {
  for (ConnectionId id = 1; id <= 30; ++id) push_life(lab, id);
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto all = event_ids({});
  ASSERT_EQ(all.size(), 1 + 30u * (kTransitionsOfLife + 2));
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  std::vector<std::uint64_t> paged;
  for (;;) {
    const auto page = event_ids({.since = paged.empty() ? 0 : paged.back(), .limit = 7});
    if (page.empty()) break;
    EXPECT_LE(page.size(), 7u);
    paged.insert(paged.end(), page.begin(), page.end());
  }
  EXPECT_EQ(paged, all);
  EXPECT_EQ(all.back(), journal->newest_event());
}

TEST_F(JournalQueryTest, BeyondTheNewestThereIsNothing) {
  push_life(lab, 5);
  ASSERT_TRUE(journal->sync(kLongEnough));
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
  const auto all = event_ids({});
  for (const std::uint64_t beyond :
       {all.back(), kHalf - 1, kHalf, kHalf + 1, ~std::uint64_t{0} - 1, ~std::uint64_t{0}}) {
    EXPECT_TRUE(event_ids({.since = beyond}).empty()) << beyond;
    EXPECT_TRUE(event_ids({.since = beyond, .kind = "transition"}).empty()) << beyond;
    EXPECT_EQ(event_ids({.up_to = beyond}), all) << beyond;
    EXPECT_THAT(ids({.cursor = beyond}), testing::ElementsAre(5)) << beyond;
    EXPECT_FALSE(journal->connection(beyond)) << beyond;
    EXPECT_TRUE(journal->transitions(beyond).empty()) << beyond;
    EXPECT_TRUE(journal->segments(beyond).empty()) << beyond;
    EXPECT_TRUE(journal->conditions(beyond).empty()) << beyond;
  }
}

TEST_F(JournalQueryTest, NumbersGrowOverRestarts) {
  push_life(lab, 5);
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto before = journal->newest_event();
  EXPECT_EQ(journal->first_connection_id(), 1u);
  const auto late = journal->annotate("last words", std::nullopt);
  journal.reset();
  open();
  EXPECT_GT(late.id, before);
  EXPECT_EQ(journal->first_connection_id(), 6u);
  const auto after = journal->annotate("first words", std::nullopt);
  EXPECT_GT(after.id, late.id);
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_THAT(event_ids({.kind = "annotation"}), testing::ElementsAre(late.id, after.id));
  const auto all = event_ids({});
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), all.size());
}

TEST_F(JournalQueryTest, WaitingEndsWithTheEvent) {
  const auto newest = journal->newest_event();
  EXPECT_EQ(journal->wait_for_event(newest, milliseconds(1)), newest) << "nothing came";
  std::thread later([&] { journal->annotate("now", std::nullopt); });
  const auto woken = journal->wait_for_event(newest, kLongEnough);
  later.join();
  EXPECT_GT(woken, newest);
  EXPECT_EQ(event_ids({.since = newest}), std::vector{woken}) << "committed when it is told";
}

// Two links and two people write; a reader follows by number alone, as a live stream that resumes does.
TEST_F(JournalQueryTest, FollowingByNumberMissesNothing) {
  constexpr ConnectionId kLives = 600;
  std::atomic<int> writing{4};
  std::vector<std::thread> writers;
  for (EventRing* ring : {&lab, &other}) {
    writers.emplace_back([&, ring, base = ring == &lab ? 0 : 100'000] {
      for (ConnectionId id = 1; id <= kLives; ++id) {
        push_life(*ring, base + id);
        if (id % 16 == 0) std::this_thread::yield();
      }
      --writing;
    });
  }
  for (int person = 0; person < 2; ++person) {
    writers.emplace_back([&] {
      for (int i = 0; i < 300; ++i) {
        journal->annotate("note", std::nullopt);
        if (i % 8 == 0) journal->sync(milliseconds(20));
      }
      --writing;
    });
  }
  std::vector<std::uint64_t> followed;
  std::uint64_t since = 0;
  while (writing > 0 || since < journal->newest_event()) {
    journal->wait_for_event(since, milliseconds(5));
    for (const std::uint64_t id : event_ids({.since = since, .limit = 97})) followed.push_back(since = id);
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_TRUE(journal->sync(kLongEnough));
  for (;;) {
    const auto more = event_ids({.since = since, .limit = 1000});
    if (more.empty()) break;
    followed.insert(followed.end(), more.begin(), more.end());
    since = followed.back();
  }
  EXPECT_EQ(followed.size(), 1 + 2 * kLives * (kTransitionsOfLife + 2) + 600);
  std::vector<std::uint64_t> all;
  for (std::uint64_t last = 0;;) {
    const auto page = event_ids({.since = last, .limit = 10'000});
    if (page.empty()) break;
    all.insert(all.end(), page.begin(), page.end());
    last = all.back();
  }
  EXPECT_EQ(followed, all);
}

TEST_F(JournalQueryTest, LossIsWrittenAndCounted) {
  EventRing tiny(4);
  for (ConnectionId id = 1; id <= 10; ++id) tiny.on(opening_of(id));
  for (int i = 0; i < 3; ++i) tiny.on(segment_of(1, tcp_flag::kAck));
  journal->add_link("tiny", tiny);
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto events = journal->events({.kind = "events_lost"});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].link, "tiny");
  EXPECT_EQ(events[0].detail, R"({"transitions":6,"segments":3,"connections":6})");
  EXPECT_EQ(journal->stats().lost_transitions, 6u);
  EXPECT_EQ(journal->stats().lost_segments, 3u);
  journal->remove_link(tiny);
  EXPECT_EQ(journal->stats().lost_transitions, 6u) << "what a removed link lost stays counted";
}

TEST_F(JournalQueryTest, AFloodIsToldInRowsOfItsOwn) {
  const TimePoint began = monotonic_now();
  HalfOpenFlood flood;
  flood.at = flood.since = began;
  lab.on_flood(flood);
  flood.phase = HalfOpenFlood::Phase::counted;
  flood.at = began + std::chrono::seconds(1);
  flood.source = IpAddress::parse("10.77.0.0").value();
  flood.prefix = 24;
  flood.port = 80;
  flood.connections = 20'000;
  flood.refused = 1;
  flood.answered = 2;
  flood.evicted = 3;
  lab.on_flood(flood);
  flood = {flood.at, began, HalfOpenFlood::Phase::counted, 0, 0, {}, 5, 0, 0, 0};
  lab.on_flood(flood);
  flood.phase = HalfOpenFlood::Phase::ended;
  lab.on_flood(flood);
  push_life(lab, 1);
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto events = journal->events({.kind = "half_open_flood"});
  ASSERT_EQ(events.size(), 4u);
  std::map<std::uint64_t, api::EventRow> by_id;
  for (const auto& event : events) by_id[event.id] = event;
  std::vector<api::EventRow> rows;
  for (const auto& [id, event] : by_id) rows.push_back(event);
  EXPECT_EQ(rows[0].detail, R"({"phase":"began"})");
  EXPECT_THAT(rows[1].text, testing::HasSubstr("20000 handshakes from 10.77.0.0/24 to port 80 came to nothing in 1.0 s "
                                               "(1 refused, 2 answered, 3 evicted)"));
  EXPECT_THAT(rows[1].detail, testing::EndsWith(R"("source":"10.77.0.0/24","port":80,"connections":20000,"refused":1,)"
                                                R"("answered":2,"evicted":3})"));
  EXPECT_THAT(rows[2].detail, testing::HasSubstr(R"("source":null,"port":null,"connections":5)"));
  EXPECT_THAT(rows[3].text, testing::HasSubstr("over, after 1.0 s"));
  EXPECT_EQ(rows[3].link, "lab");
  Database file(directory.file("journal.db"), Database::Mode::read_only);
  EXPECT_EQ(file.integer("SELECT sum(connections) FROM half_open_floods"), 20'005);
  EXPECT_EQ(file.integer("SELECT evicted FROM half_open_floods WHERE source = '10.77.0.0/24' AND port = 80"), 3);
}

TEST_F(JournalQueryTest, MemoryThatIsExhaustedSaysForWhat) {
  lab.on_exhausted({monotonic_now(), 64'000'000});
  lab.on_exhausted({monotonic_now(), 0});
  push_life(lab, 1);
  ASSERT_TRUE(journal->sync(kLongEnough));
  std::set<std::string> said;
  for (const auto& event : journal->events({.kind = "memory_exhausted"})) said.insert(event.text);
  EXPECT_THAT(said, testing::ElementsAre(testing::HasSubstr("the bound of 64 MB"),
                                         testing::HasSubstr("no memory for the scenario's next step")));
}

TEST_F(JournalQueryTest, ARemovedLinkIsDrainedFirst) {
  {
    EventRing ring;
    journal->add_link("brief", ring);
    push_life(ring, 77);
    journal->remove_link(ring);
  }
  EXPECT_EQ(journal->connection(77)->end, End::orderly);
  EXPECT_TRUE(journal->sync(kLongEnough));
}

}  // namespace
}  // namespace wobble::daemon
