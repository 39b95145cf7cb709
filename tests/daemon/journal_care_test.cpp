// What others do to the journal's file while it is written: it is noticed, told, and put right where that can be done.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "daemon/journal/age_clock.h"
#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
namespace fs = std::filesystem;

class JournalCare : public testing::Test {
 protected:
  JournalCare() : file(directory.file("journal.db")) {}
  void open(JournalOptions options = {}) {
    options.file = file;
    options.file_interval = 20ms;
    options.retry_interval = 10ms;
    journal = std::make_unique<Journal>(options);
    journal->add_link("lab", ring);
    journal->record_link("lab", R"({"up":{"loss":{}},"down":{}})");
    push_life(ring, 1);
    push_life(ring, 2);
    ring.on(opening_of(3));  // it lives
    ASSERT_TRUE(journal->sync(kLongEnough));
    ASSERT_TRUE(journal->health().ok);
  }
  /// The events of that kind, asked again while the file is being exchanged.
  std::vector<api::EventRow> events(const char* kind) {
    std::vector<api::EventRow> found;
    EXPECT_TRUE(eventually([&] {
      try {
        journal->sync(1s);
        found = journal->events({.kind = kind});
        return !found.empty();
      } catch (const api::Unavailable&) {
        return false;
      }
    })) << kind;
    return found;
  }
  std::vector<ConnectionId> ids(const api::ConnectionQuery& query = {}) {
    std::vector<ConnectionId> found;
    for (const auto& row : journal->connections(query).items) found.push_back(row.id);
    return found;
  }
  /// A new file was begun, in which what lives lives on.
  void expect_begun_anew(const std::string& why, std::int64_t lost) {
    const auto told = events("log_renewed");
    ASSERT_EQ(told.size(), 1u);
    EXPECT_THAT(told[0].text, HasSubstr(why));
    EXPECT_THAT(told[0].detail, HasSubstr("\"connections\":" + std::to_string(lost)));
    EXPECT_FALSE(journal->health().ok) << "for a while, so that somebody sees it";
    EXPECT_THAT(journal->health().detail, HasSubstr(why));
    ring.on(closing_of(3));
    push_life(ring, 4);
    ASSERT_TRUE(journal->sync(kLongEnough));
    EXPECT_EQ(journal->connection(4)->end, End::orderly);
    EXPECT_EQ(journal->connection(4)->link, "lab");
  }
  ~JournalCare() override { journal.reset(); }

  TemporaryDirectory directory;
  std::string file;
  EventRing ring;
  std::unique_ptr<Journal> journal;
};

TEST_F(JournalCare, AFileThatIsRemovedIsBegunAnew) {
  open();
  const auto newest = journal->newest_event();
  for (const char* suffix : {"", "-wal", "-shm"}) fs::remove(file + suffix);
  expect_begun_anew("was removed; a new one was begun at the same path", 2);
  EXPECT_EQ(journal->connection(3)->end, End::orderly) << "it lived, and its row came along";
  EXPECT_THAT(ids({.condition = "loss"}), testing::ElementsAre(4, 3)) << "what is in force is in the new one too";
  EXPECT_FALSE(journal->connection(1));
  for (const auto& event : journal->events({})) EXPECT_GT(event.id, newest) << "no number is given twice";
  journal.reset();
  Journal again({.file = file});
  EXPECT_FALSE(again.killed_before()) << "its session has ended in order";
  EXPECT_TRUE(again.connection(4));
}

TEST_F(JournalCare, AFileThatIsMovedHoldsAllOfBefore) {
  open();
  const std::string elsewhere = directory.file("elsewhere.db");
  fs::rename(file, elsewhere);
  expect_begun_anew("was moved away", 2);
  Database old(elsewhere, Database::Mode::read_only);
  EXPECT_EQ(old.integer("SELECT count(*) FROM connections"), 3);
  EXPECT_EQ(old.integer("SELECT count(*) FROM connections WHERE id = 4"), 0);
}

TEST_F(JournalCare, AFolderThatIsMovedIsMadeAgain) {
  file = directory.file("logs/journal.db");
  fs::create_directory(directory.file("logs"));
  open();
  fs::rename(directory.file("logs"), directory.file("old"));
  expect_begun_anew("was moved away", 2);
  EXPECT_TRUE(fs::exists(file));
}

TEST_F(JournalCare, AFileThatIsReplacedIsLeftAlone) {
  open();
  fs::rename(file, directory.file("elsewhere.db"));
  std::ofstream(file) << "somebody's";
  ASSERT_TRUE(eventually([&] { return !journal->health().ok; }));
  EXPECT_THAT(journal->health().detail, HasSubstr("another file stands at its path"));
  EXPECT_TRUE(eventually([&] { return !fs::exists(file + "-wal"); })) << "it is not that file's";
  push_life(ring, 5);
  ASSERT_TRUE(journal->sync(kLongEnough)) << "it can be written as before";
  EXPECT_THROW(journal->connection(5), api::Unavailable);
  EXPECT_FALSE(fs::exists(file + "-wal"));
  std::string text;
  std::getline(std::ifstream(file), text);
  EXPECT_EQ(text, "somebody's");
  fs::remove(file);
  expect_begun_anew("was moved away", 3);
}

TEST_F(JournalCare, AWriteAheadLogThatIsRemovedCostsNothing) {
  open();
  fs::remove(file + "-wal");
  const auto told = events("log_renewed");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].text, HasSubstr("has lost its write-ahead log"));
  EXPECT_THAT(told[0].detail, HasSubstr("\"is_new\":false,\"connections\":0"));
  push_life(ring, 4);
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_THAT(ids(), testing::ElementsAre(4, 3, 2, 1));
  EXPECT_TRUE(fs::exists(file + "-wal"));
}

TEST_F(JournalCare, AFileThatIsCutOffIsPutAside) {
  open();
  fs::resize_file(file, 0);
  const auto told = events("log_renewed");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].text, HasSubstr("was cut off: it has 0 bytes"));
  EXPECT_THAT(told[0].text, HasSubstr("the old one is " + file + ".damaged-"));
  push_life(ring, 4);
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_EQ(journal->connection(4)->end, End::orderly);
}

TEST_F(JournalCare, AFileThatHoldsSomethingElseIsPutAside) {
  open();
  const std::string other = directory.file("other.db");
  { const Journal somebody({.file = other}); }
  std::ofstream(file, std::ios::binary) << std::ifstream(other, std::ios::binary).rdbuf();
  fs::resize_file(file + "-wal", 0);
  EXPECT_FALSE(events("log_renewed").empty());
  push_life(ring, 4);
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_EQ(journal->connection(4)->end, End::orderly);
}

// SQLite has it mapped: who touches what was cut off is ended by SIGBUS otherwise.
TEST_F(JournalCare, AnIndexThatIsCutOffCostsNothing) {
  for (const std::uintmax_t left : {0, 4096}) {
    file = directory.file("journal-" + std::to_string(left) + ".db");
    open();
    fs::resize_file(file + "-shm", left);
    push_life(ring, 4);
    ASSERT_TRUE(eventually([&] { return journal->sync(kLongEnough); }));
    const auto told = events("log_renewed");
    ASSERT_EQ(told.size(), 1u);
    EXPECT_THAT(told[0].text, HasSubstr("has lost the index of its write-ahead log: " + file + "-shm was cut off"));
    EXPECT_THAT(told[0].detail, HasSubstr(R"("is_new":false,"connections":0,"events":0,"transitions":0)"));
    EXPECT_FALSE(journal->health().ok) << "for a while";
    push_life(ring, 5);
    ASSERT_TRUE(journal->sync(kLongEnough));
    EXPECT_THAT(ids(), testing::ElementsAre(5, 4, 3, 2, 1));
    journal.reset();
    Database again(file, Database::Mode::read_only);
    Statement check(again, "PRAGMA integrity_check");
    EXPECT_TRUE(check.step() && check.text(0) == "ok");
    EXPECT_EQ(again.integer("SELECT count(*) FROM transitions"), 4 * kTransitionsOfLife);
  }
}

TEST_F(JournalCare, AWriteAheadLogThatIsCutOffSaysWhatIsLost) {
  open();
  for (int i = 0; i < 4; ++i) journal->annotate("lost", {});
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto all = journal->events({.limit = 1000}).size();  // with transitions
  const std::string written = std::to_string(all - 2 * kTransitionsOfLife);
  fs::resize_file(file + "-wal", 0);
  const auto told = events("log_renewed");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].text,
              HasSubstr("2 connections, " + written + " events and 14 transitions that had been written"));
  EXPECT_THAT(told[0].detail, HasSubstr("\"events\":" + written + ",\"transitions\":14"));
}

// A backup that is copied back while the daemon writes: by another process, as a person would do it.
TEST_F(JournalCare, AnOlderCopyOverTheFileIsNoticed) {
  open();
  const auto copy = [&](const std::string& from, const std::string& to) {
    const std::string command = "cp " + from + "/journal.db* " + to;
    ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c)
  };
  const std::string kept = directory.file("kept");
  fs::create_directory(kept);
  copy(directory.path(), kept);
  for (int i = 0; i < 20; ++i) journal->annotate("soon gone", {});
  ASSERT_TRUE(journal->sync(kLongEnough));
  copy(kept, directory.path());
  for (int i = 0; i < 3; ++i) journal->annotate("afterwards", {});
  ASSERT_TRUE(eventually([&] { return !journal->health().ok; }));
  const auto told = events("log_renewed");
  EXPECT_THAT(told[0].detail, testing::ContainsRegex("\"events\":[2-9][0-9]")) << "the 20 annotations at least";
  ASSERT_TRUE(eventually([&] { return journal->sync(kLongEnough); }));
  EXPECT_EQ(events("annotation").back().text, "afterwards");
  EXPECT_EQ(events("annotation").size(), 3u);
}

TEST_F(JournalCare, AReaderThatNeverEndsIsToldOf) {
  open({.wal_bytes = 3'000'000});
  EXPECT_THAT(journal->health().detail, IsEmpty());
  {
    Database foreign(file, Database::Mode::read_only);
    Transaction held(foreign, "BEGIN");
    EXPECT_GT(foreign.integer("SELECT count(*) FROM connections"), 0);
    ConnectionId id = 10;
    ASSERT_TRUE(eventually([&] {
      for (int i = 0; i < 100; ++i) push_life(ring, ++id);
      journal->sync(kLongEnough);
      return !journal->health().detail.empty();
    }));
    EXPECT_TRUE(journal->health().ok) << "the log itself is sound";
    EXPECT_THAT(journal->health().detail, HasSubstr("end that program"));
    EXPECT_THAT(events("log_held_up").back().detail, HasSubstr("\"is_over\":false"));
  }
}

TEST_F(JournalCare, AnInterruptionIsToldWhenItIsOver) {
  open();
  {
    Database vandal(file, Database::Mode::create);
    vandal.exec("ALTER TABLE segments RENAME TO hidden");
    ring.on(segment_of(3, tcp_flag::kAck));
    EXPECT_FALSE(journal->sync(kLongEnough));
    EXPECT_FALSE(journal->health().ok);
    vandal.exec("ALTER TABLE hidden RENAME TO segments");
  }
  const auto told = events("log_interrupted");
  EXPECT_THAT(told.back().text, HasSubstr("could not be written from "));
  EXPECT_TRUE(journal->health().ok);
}

TEST_F(JournalCare, WhatHasEndedInAGapEndsUnknown) {
  open();
  ring.on(opening_of(5));
  ASSERT_TRUE(journal->sync(kLongEnough));
  std::vector<ConnectionId> living;
  for (const LivingRow& row : journal->living()) {
    EXPECT_EQ(row.link, "lab");
    living.push_back(row.id);
  }
  EXPECT_THAT(living, testing::UnorderedElementsAre(3, 5));
  ring.on(closing_of(5));  // it is in the ring, so it is not lost
  journal->end_unknown({1, 3, 5});
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_EQ(journal->connection(1)->end, End::orderly);
  EXPECT_EQ(journal->connection(3)->end, End::unknown);
  EXPECT_TRUE(journal->connection(3)->closed_at);
  EXPECT_EQ(journal->connection(5)->end, End::orderly);
  EXPECT_THAT(events("events_lost").back().text, HasSubstr("1 connections have ended in a gap of the log"));
  EXPECT_THAT(ids({.end = End::unknown}), testing::ElementsAre(3));
}

TEST(AgeClockOf, AClockIsBelievedWhenItHasGoneOnForAnHour) {
  const TimePoint start{1h};
  constexpr api::WallTime kDay = std::chrono::nanoseconds(24h).count();
  constexpr api::WallTime kNewest = 100 * kDay;
  const AgeClock clock(start, kNewest);
  const api::WallTime wrong = 10'000 * kDay;
  EXPECT_EQ(clock.now(start, wrong), kNewest);
  EXPECT_EQ(clock.now(start + 10min, wrong), kNewest + std::chrono::nanoseconds(10min).count());
  EXPECT_EQ(clock.now(start + 10min, kNewest - kDay), kNewest - kDay) << "nor is the log's time made later";
  EXPECT_EQ(clock.now(start + 1h, wrong), wrong);
}

TEST(AgeClockOf, ClocksThatAreSetAreNewAndSleepIsTime) {
  const TimePoint start{1h};
  constexpr api::WallTime kDay = std::chrono::nanoseconds(24h).count();
  AgeClock clock(start, 100 * kDay);
  clock.stepped({.at = start + 2h, .by = 24h * 9000}, 110 * kDay);
  EXPECT_EQ(clock.now(start + 2h, 9110 * kDay), 110 * kDay) << "what it showed before the step was believed";
  EXPECT_EQ(clock.now(start + 4h, 9110 * kDay), 9110 * kDay);
  AgeClock slept(start, 100 * kDay);
  slept.stepped({.at = start + 2h, .by = 24h, .slept = 24h}, 110 * kDay);
  EXPECT_EQ(slept.now(start + 2h, 111 * kDay), 111 * kDay);
}

// A battery that is empty: the daemon starts in another century, once.
TEST(JournalAge, OneStartInTheFarFutureLosesNothing) {
  const TemporaryDirectory directory;
  JournalOptions options{.file = directory.file("journal.db")};
  options.retention.age = std::chrono::hours(24);
  EventRing ring;
  {
    Journal journal(options);
    journal.add_link("lab", ring);
    push_life(ring, 1);
    ASSERT_TRUE(journal.sync(kLongEnough));
  }
  options.clocks = [] {
    ClockReading reading = read_clocks();
    reading.wall += std::chrono::hours(24 * 365 * 40);
    return reading;
  };
  Journal journal(options);
  for (int i = 0; i < 5; ++i) {  // a look at the ages comes with each pass, when there is time
    ASSERT_TRUE(journal.sync(kLongEnough));
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_TRUE(journal.connection(1));
}

}  // namespace
}  // namespace wobble::daemon
