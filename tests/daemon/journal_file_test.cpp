// Opening the journal's file: what it accepts, what it refuses, and how it is brought up to date.
#include "daemon/journal/journal_file.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <fstream>

#include "daemon/journal/schema.h"
#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class JournalFileTest : public testing::Test {
 protected:
  JournalFileTest() : file(directory.file("journal.db")) {}

  std::string refusal() {
    try {
      const Journal journal({.file = file});
      return "opened";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  void run_sql(const std::string& sql) { Database(file, Database::Mode::create).exec(sql); }

  TemporaryDirectory directory;
  std::string file;
};

TEST_F(JournalFileTest, ANewFileHasTheNewestSchema) {
  { const Journal journal({.file = file}); }
  Database database(file, Database::Mode::read_only);
  EXPECT_EQ(database.integer("PRAGMA user_version"), migrations().back().version);
  EXPECT_EQ(database.integer("PRAGMA application_id"), kApplicationId);
  EXPECT_EQ(database.integer("PRAGMA auto_vacuum"), 2) << "incremental";
  EXPECT_EQ(database.integer("SELECT count(*) FROM sessions WHERE state = 'stopped' AND stopped_at > 0"), 1);
  Statement mode(database, "PRAGMA journal_mode");
  ASSERT_TRUE(mode.step());
  EXPECT_EQ(mode.text(0), "wal");
}

TEST_F(JournalFileTest, AnEmptyDatabaseOfVersionZeroIsBroughtUp) {
  run_sql("CREATE TABLE t(a); DROP TABLE t; PRAGMA user_version = 0;");
  ASSERT_GT(std::filesystem::file_size(file), 0u);
  EXPECT_EQ(refusal(), "opened");
  Database database(file, Database::Mode::read_only);
  EXPECT_EQ(database.integer("PRAGMA user_version"), migrations().back().version);
  EXPECT_EQ(database.integer("PRAGMA auto_vacuum"), 2);
}

TEST_F(JournalFileTest, MigrationsRunInOrderAndOnce) {
  Database database(file, Database::Mode::create);
  const Migration steps[] = {{1, "CREATE TABLE a(x); INSERT INTO a VALUES(1);"},
                             {2, "ALTER TABLE a ADD COLUMN y DEFAULT 5;"},
                             {3, "UPDATE a SET y = y + x;"}};
  migrate(database, std::span(steps).first(1));
  EXPECT_EQ(database.integer("PRAGMA user_version"), 1);
  migrate(database, steps);
  migrate(database, steps);
  EXPECT_EQ(database.integer("PRAGMA user_version"), 3);
  EXPECT_EQ(database.integer("SELECT y FROM a"), 6) << "the third step ran once";
}

TEST_F(JournalFileTest, AFailedMigrationLeavesTheStepBefore) {
  Database database(file, Database::Mode::create);
  const Migration steps[] = {{1, "CREATE TABLE a(x);"}, {2, "CREATE TABLE b(x); INSERT INTO nowhere VALUES(1);"}};
  EXPECT_THROW(migrate(database, steps), DatabaseError);
  EXPECT_FALSE(database.in_transaction());
  EXPECT_EQ(database.integer("PRAGMA user_version"), 1);
  EXPECT_EQ(database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
}

TEST_F(JournalFileTest, ANewerSchemaIsRefused) {
  { const Journal journal({.file = file}); }
  run_sql("PRAGMA user_version = 99");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("has schema 99"),
                               HasSubstr("up to " + std::to_string(migrations().back().version))));
}

TEST_F(JournalFileTest, WhatIsNoDatabaseIsRefusedAndLeftAlone) {
  const std::string text(5000, 'x');
  std::ofstream(file) << text;
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("is not a wobble database")));
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text);
}

TEST_F(JournalFileTest, SomebodyElsesDatabaseIsRefused) {
  run_sql("CREATE TABLE recipes(a)");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("not wobble's")));
}

TEST_F(JournalFileTest, ADamagedFileIsRefused) {
  { const Journal journal({.file = file}); }
  std::filesystem::resize_file(file, 4096 * 3);
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("damaged")));
}

TEST_F(JournalFileTest, WhatCannotBeOpenedIsSaid) {
  file = directory.file("missing/journal.db");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr(directory.file("missing") + " does not exist; make it")));
  file = directory.path();
  EXPECT_THAT(refusal(), AllOf(HasSubstr(file), HasSubstr("it is a folder; give a file's name in it with --db")));
}

TEST_F(JournalFileTest, TheFoldersAboveAreMade) {
  file = directory.file("a/b/journal.db");
  make_folder_of(file);
  make_folder_of(file);
  EXPECT_EQ(refusal(), "opened");
  make_folder_of("journal.db");  // in the present folder: nothing to make
}

TEST_F(JournalFileTest, AFolderThatCannotBeMadeIsSaid) {
  const auto refusal_of = [](const std::string& path) -> std::string {
    try {
      make_folder_of(path);
      return "made";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  const std::string in_the_way = directory.file("in-the-way");
  std::ofstream(in_the_way) << "a file";
  EXPECT_THAT(refusal_of(in_the_way + "/folder/journal.db"),
              AllOf(HasSubstr("the journal " + in_the_way + "/folder/journal.db cannot be made: "),
                    HasSubstr(in_the_way + " is not a folder; give another file with --db")));
  EXPECT_THAT(refusal_of(in_the_way + "/journal.db"), HasSubstr(in_the_way + " is not a folder"));
  EXPECT_THAT(refusal_of("/proc/1/wobble/journal.db"), HasSubstr("/proc/1/wobble/journal.db cannot be made: "));
  EXPECT_THAT(cause_and_remedy(DatabaseError(SQLITE_FULL, "full"), file), HasSubstr("no room is left on the disk"));
  EXPECT_THAT(cause_and_remedy(DatabaseError(SQLITE_READONLY, "ro"), file),
              HasSubstr("permission denied at " + directory.path().string() + "; run as root, or give a file"));
  EXPECT_THAT(cause_and_remedy(DatabaseError(SQLITE_CANTOPEN, "cannot open", EMFILE), file),
              HasSubstr("no more files may be open; allow more (ulimit -n"));
  EXPECT_THAT(cause_and_remedy(DatabaseError(SQLITE_CANTOPEN, "cannot open", EACCES), file),
              HasSubstr("permission denied at "));
  EXPECT_THAT(cause_and_remedy(DatabaseError(SQLITE_IOERR, "disk I/O error", EIO), file),
              HasSubstr("Input/output error"));
}

TEST_F(JournalFileTest, ViewsAnswer) {
  EventRing ring;
  {
    Journal journal({.file = file});
    journal.add_link("lab", ring);
    journal.record_link("lab", "{}");
    push_life(ring, 1);
    ring.on(opening_of(2));
    ring.on(transition_of(2, Role::client, TcpState::none, TcpState::syn_sent));
    ring.on(segment_of(2, tcp_flag::kSyn, DropReason::loss));
    ring.on(closing_of(2, End::syn_timeout, ClosedBy::nobody));
    ring.on(opening_of(3));
    ring.on(segment_of(3, tcp_flag::kRst | tcp_flag::kAck));
    ConnectionClosed end = closing_of(3, End::reset, ClosedBy::client);
    end.figures.server.retransmissions = 5;
    end.figures.server.retransmissions_by_us = 3;
    end.figures.client.dropped = 4;
    end.figures.tcp.closed_first = ClosedBy::server;  // with a RST that was not believed
    ring.on(end);
    ring.on(opening_of(4));
    end = closing_of(4, End::half_open, ClosedBy::nobody);
    end.figures.tcp.closed_first = ClosedBy::server;
    ring.on(end);
    ring.on(opening_of(5));
    ring.on(transition_of(5, Role::server, TcpState::established, TcpState::closed));
    ring.on(transition_of(5, Role::client, TcpState::syn_sent, TcpState::established));
    ASSERT_TRUE(journal.sync(kLongEnough));
  }
  Database database(file, Database::Mode::read_only);
  const auto is = [&](const char* sql) { return database.integer(sql); };
  EXPECT_EQ(is("SELECT count(*) FROM connection_list"), 5);
  EXPECT_EQ(is("SELECT count(*) FROM closed_first WHERE closed_by = 'client'"), 2);
  EXPECT_EQ(is("SELECT closed_by = 'client' AND closed_first = 'server' FROM closed_first WHERE id = 3"), 1);
  EXPECT_EQ(is("SELECT closed_by = '' AND closed_first = 'server' FROM closed_first WHERE id = 4"), 1);
  EXPECT_EQ(is("SELECT syns_dropped_by_us FROM never_past_syn_sent WHERE id = 2"), 1);
  EXPECT_EQ(is("SELECT count(*) FROM never_past_syn_sent WHERE id = 1"), 0);
  EXPECT_EQ(is("SELECT count(*) FROM half_open_at_the_end WHERE id IN (4, 5)"), 2);
  EXPECT_EQ(is("SELECT count(*) FROM half_open_at_the_end"), 2);
  EXPECT_EQ(is("SELECT first_reset_from = 'client' FROM resets WHERE id = 3"), 1);
  EXPECT_EQ(is("SELECT by_server FROM unexplained_retransmissions"), 2);
  EXPECT_EQ(is("SELECT dropped_of_client FROM unexplained_retransmissions"), 4);
  EXPECT_EQ(is("SELECT count(*) FROM connection_conditions WHERE revision = 1"), 5);
  EXPECT_EQ(is("SELECT count(*) FROM state_periods WHERE id = 5 AND state = 'ESTABLISHED' AND side = 'client'"), 1);
  EXPECT_EQ(is("SELECT count(*) FROM state_periods WHERE id = 1 AND seconds > 3600"), 0);
}

}  // namespace
}  // namespace wobble::daemon
