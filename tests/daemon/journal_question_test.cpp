// Questions to the journal have a bound: of time, by whoever asked, and by the daemon's end.
#include <gmock/gmock.h>

#include <future>
#include <random>
#include <thread>
#include <utility>

#include "daemon/journal/asked_periods.h"
#include "daemon/journal/journal_file.h"
#include "daemon/journal/schema.h"
#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// More of SQLite's steps than lie between two looks at the clock.
constexpr ConnectionId kManyConnections = 3000;

class Question : public testing::Test {
 protected:
  void open(JournalOptions options) {
    options.file = directory.file("journal.db");
    journal = std::make_unique<Journal>(options);
    journal->add_link("lab", ring);
    for (ConnectionId id = 1; id <= kManyConnections; ++id) {
      ring.on(opening_of(id));
      ring.on(closing_of(id));
    }
    ASSERT_TRUE(journal->sync(kLongEnough));
  }
  /// What is said to one that looks through all of them.
  std::string said_to(const api::IsGone& gone = {}) {
    try {
      const auto page = journal->connections({.port = 1, .is_gone = gone});
      return "found " + std::to_string(page.items.size());
    } catch (const api::Unavailable& why) {
      return why.what();
    }
  }
  ~Question() override { journal.reset(); }

  TemporaryDirectory directory;
  EventRing ring;
  std::unique_ptr<Journal> journal;
};

/// One that is under way, and holds its reader, until it is let go.
class HeldQuestion {
 public:
  explicit HeldQuestion(Journal& journal) {
    thread_ = std::thread([&] {
      const auto gone = [this] {
        if (!std::exchange(told_, true)) held_.set_value();
        return let_go_.get_future().wait_for(kLongEnough) == std::future_status::ready;
      };
      try {
        journal.connections({.port = 1, .is_gone = gone});
      } catch (const api::Unavailable& why) {
        said_ = why.what();
      }
      if (!told_) held_.set_value();  // it was given up before
    });
    held_.get_future().wait();
  }
  std::string end() {
    let_go_.set_value();
    thread_.join();
    return said_;
  }

 private:
  std::promise<void> held_;
  std::promise<void> let_go_;
  bool told_ = false;
  std::string said_;
  std::thread thread_;
};

TEST_F(Question, IsAnsweredInTime) {
  open({});
  EXPECT_EQ(said_to(), "found 0");
  EXPECT_EQ(said_to([] { return false; }), "found 0");
}

TEST_F(Question, IsGivenUpWhenItsTimeIsOverAndSaysHowToAskForLess) {
  open({.question_limit = 1ns});
  EXPECT_THAT(said_to(), HasSubstr("ask for less: a shorter time (since, until), one link, or a smaller limit"));
}

TEST_F(Question, WithoutALimitTakesItsTime) {
  open({.question_limit = 0ns});
  EXPECT_EQ(said_to(), "found 0");
}

TEST_F(Question, EndsWithWhoeverAsked) {
  open({});
  EXPECT_THAT(said_to([] { return true; }), HasSubstr("has gone"));
  EXPECT_EQ(said_to(), "found 0") << "and its reader is given back";
}

TEST_F(Question, WaitsForAReaderNoLongerThanForAnAnswer) {
  open({.readers = 1, .question_limit = 2s});
  HeldQuestion held(*journal);
  EXPECT_THAT(said_to(), HasSubstr("all of them are taken; ask again in a moment"));
  EXPECT_THAT(said_to([] { return true; }), HasSubstr("has gone"));
  EXPECT_FALSE(journal->events({.limit = 3, .is_live = true}).empty()) << "a live stream does not wait for others";
  EXPECT_THAT(held.end(), testing::Not(testing::IsEmpty()));
  EXPECT_EQ(said_to(), "found 0");
}

TEST_F(Question, EndsWithTheDaemon) {
  open({.readers = 1});
  HeldQuestion held(*journal);
  std::thread waits([&] { EXPECT_THAT(said_to(), HasSubstr("the daemon is stopping")); });
  journal->end_questions();
  waits.join();
  EXPECT_THAT(held.end(), HasSubstr("the daemon is stopping"));
  EXPECT_THAT(said_to(), HasSubstr("the daemon is stopping"));
}

TEST_F(Question, OfEventsToANumber) {
  open({});
  const auto all = journal->events({.limit = 10'000});
  ASSERT_GT(all.size(), 100u);
  const auto some = journal->events({.since = all[9].id, .limit = 10'000, .up_to = all[19].id});
  ASSERT_EQ(some.size(), 10u);
  EXPECT_EQ(some.back().id, all[19].id);
  EXPECT_TRUE(journal->events({.link = "no such link"}).empty());
}

TEST(Filters, NoneLooksThroughMoreThanTheSearchIndex) {
  const TemporaryDirectory directory;
  const auto database = open_journal(directory.file("journal.db"));
  const AskedPeriods loss(*database, "loss");
  loss.define(*database);
  api::ConnectionQuery query;
  query.link = "lab";
  query.state = TcpState::established;
  query.port = 80;
  query.end = End::reset;
  query.closed_by = ClosedBy::both;
  query.since = query.until = 1;
  query.since_ago = query.until_ago = 1s;
  query.cursor = 7;
  query.address = IpAddress::parse("10.0.0.1");
  query.condition = "loss";
  const Where search = search_of(query, [](Duration) { return LogMoment{}; });
  Statement plan(*database, "EXPLAIN QUERY PLAN " + search.sql() + " ORDER BY opened_event DESC LIMIT 10");
  ASSERT_TRUE(plan.step());
  EXPECT_THAT(std::string(plan.text(3)), HasSubstr("USING COVERING INDEX connections_search"));
  while (plan.step()) EXPECT_THAT(std::string(plan.text(3)), testing::Not(HasSubstr("TEMP B-TREE")));
}

// Against the definition, in SQL: something was asked by a change that was in force at some moment of its life.
TEST(AskedPeriodsOf, AreTheChangesThatWereInForce) {
  const TemporaryDirectory directory;
  const auto database = open_journal(directory.file("journal.db"));
  std::mt19937 random(7);
  const auto draw = [&](int below) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(below)); };
  Statement insert(*database,
                   "INSERT INTO condition_changes(link, at, revision, source, conditions, asked) "
                   "VALUES(?1, ?2, 1, '', ?3, " +
                       asked_sql("?3") + ")");
  const char* kinds[] = {R"({"up":{},"down":{}})", R"({"up":{"loss":{"random":"2%"}},"down":{}})",
                         R"({"up":{"delay":{"time":"1ms"}},"down":{"loss":{"random":"2%"}}})",
                         R"({"up":{},"down":{},"scenario":[{"for":"1s","up":{"loss":{}}}]})", "not JSON"};
  std::vector<std::int64_t> taken;
  for (int i = 0; i < 60; ++i) {
    const std::int64_t link = 1 + draw(2);
    std::int64_t at = 0;
    do at = draw(2000);
    while (std::find(taken.begin(), taken.end(), at) != taken.end());
    taken.push_back(at);
    insert.bind(1, link).bind(2, at).bind(3, kinds[draw(5)]).run();
  }
  const AskedPeriods loss(*database, "loss");
  const AskedPeriods none(*database, "none");
  const AskedPeriods nonsense(*database, "nonsense");
  Statement in_force(*database,
                     "SELECT count(*), sum(asked & 8 <> 0), sum(asked = 0) FROM condition_changes h WHERE link = ?1 "
                     "AND at <= ?3 AND at >= coalesce((SELECT max(b.at) FROM condition_changes b WHERE b.link = ?1 "
                     "AND b.at <= ?2), 0)");
  int found = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::int64_t link = 1 + draw(3), from = draw(2100), to = from + draw(300);
    ASSERT_TRUE(in_force.bind(1, link).bind(2, from).bind(3, to).step());
    EXPECT_EQ(loss.overlap(link, from, to), in_force.integer(1) > 0) << link << ' ' << from << ' ' << to;
    EXPECT_EQ(none.overlap(link, from, to), in_force.integer(2) > 0) << link << ' ' << from << ' ' << to;
    EXPECT_FALSE(nonsense.overlap(link, from, to));
    found += loss.overlap(link, from, to) ? 1 : 0;
    in_force.reset();
  }
  EXPECT_GT(found, 100);
}

// A file of schema 8, as a daemon of then has left it.
TEST(Schema9, FindsInAnOldFileWhatWasAskedThen) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("journal.db");
  {
    Database old(file, Database::Mode::create);
    migrate(old, migrations().first(8));
    ASSERT_EQ(old.integer("PRAGMA user_version"), 8);
    old.exec(
        "INSERT INTO links VALUES(1, 'lab', 0);"
        "INSERT INTO condition_changes VALUES(1, 1, 100, 1, 'start', '{\"up\":{},\"down\":{}}');"
        "INSERT INTO condition_changes VALUES(2, 1, 200, 2, 'api', '{\"up\":{\"loss\":{}},\"down\":{}}');");
    for (const int id : {1, 2}) {
      Statement columns(old, "SELECT name, type FROM pragma_table_info('connections') WHERE \"notnull\" OR pk");
      std::string names, values;
      while (columns.step()) {
        const std::string name(columns.text(0));
        names += (names.empty() ? "\"" : ", \"") + name + "\"";
        const bool is_id = name == "id" || name == "opened_event";
        const std::string value = is_id                       ? std::to_string(id)
                                  : name == "opened_at"       ? std::to_string(id * 100 + 10)
                                  : name == "protocol"        ? "6"
                                  : name == "link"            ? "1"
                                  : columns.text(1) == "TEXT" ? "'x'"
                                                              : "0";
        values += (values.empty() ? "" : ", ") + value;
      }
      old.exec("INSERT INTO connections(" + names + ") VALUES(" + values + ")");
      old.exec("UPDATE connections SET closed_at = opened_at + 10");
    }
  }
  Journal journal({.file = file});
  const auto ids = [&](const char* condition) {
    std::vector<ConnectionId> found;
    for (const auto& row : journal.connections({.condition = condition}).items) found.push_back(row.id);
    return found;
  };
  EXPECT_THAT(ids("loss"), ElementsAre(2));
  EXPECT_THAT(ids("none"), ElementsAre(1));
  EXPECT_THAT(ids("delay"), ElementsAre());
}

}  // namespace
}  // namespace wobble::daemon
