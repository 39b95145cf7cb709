// wobble log: the same answers from the daemon and from its file, for people and for programs.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_wobble.h"
#include "tests/daemon/journal_fixture.h"

namespace {

using namespace wobble::test;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using wobble::End;
using wobble::EventRing;
using wobble::daemon::Journal;
using wobble::daemon::TemporaryDirectory;

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::uint64_t> ids_of(const std::string& json_lines) {
  std::vector<std::uint64_t> ids;
  for (const std::string& line : lines_of(json_lines)) ids.push_back(json::parse(line)["id"]);
  return ids;
}

TEST(Log, asks_the_daemon_page_by_page) {
  FakeDaemon daemon;
  json page = {{"items", {json::parse(kConnection)}}, {"next", "9"}};
  daemon.answer("GET /api/v1/connections", {200, page.dump()});
  const Ran ran =
      run_wobble({"log",        "--json",  "--limit",   "3",       "--port",      "80",      "--state",
                  "fin-wait-1", "--end",   "reset",     "--since", "10m",         "--until", "2026-11-22T09:05:57Z",
                  "--address",  "fd77::1", "--link",    "lab",     "--condition", "loss",    "--closed-by",
                  "server",     "--url",   daemon.url()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ids_of(ran.out), ElementsAre(17, 17, 17));
  const auto asked = daemon.asked("GET /api/v1/connections");
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_EQ(asked[0].target,
            "/api/v1/connections?address=fd77%3A%3A1&closed_by=server&condition=loss&end=reset&limit=3&link=lab&port=80"
            "&since=10m&state=FIN_WAIT_1&until=2026-11-22T09%3A05%3A57Z");
  EXPECT_THAT(asked[1].target, AllOf(HasSubstr("cursor=9"), HasSubstr("limit=2")));
}

TEST(Log, is_a_table_for_people) {
  FakeDaemon daemon;
  const Ran ran = run_wobble({"log", "--url", daemon.url()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("10.77.0.1:40112"));
  EXPECT_THAT(run_wobble({"log", "--csv", "--json", "--url", daemon.url()}).err, HasSubstr("give one of them"));
}

TEST(Log, is_csv_for_spreadsheets) {
  FakeDaemon daemon;
  const Ran ran = run_wobble({"log", "--csv", "--url", daemon.url()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto lines = lines_of(ran.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], StartsWith("id,link,protocol,client_address,client_port,client_side,client_state,"));
  EXPECT_THAT(lines[1], StartsWith("17,lab,tcp,10.77.0.1,40112,near,TIME_WAIT,"));
  EXPECT_EQ(lines[0].back(), '\r') << "RFC 4180";
  const auto columns = [](const std::string& line) { return std::count(line.begin(), line.end(), ','); };
  EXPECT_EQ(columns(lines[0]), columns(lines[1]));
}

class LogFile : public testing::Test {
 protected:
  LogFile() {
    journal = std::make_unique<Journal>(wobble::daemon::JournalOptions{.file = file});
    journal->record_link("lab", R"({"up":{},"down":{}})");
    journal->add_link("lab", ring);
    for (wobble::ConnectionId id = 1; id <= 3; ++id) wobble::daemon::push_life(ring, id);
    ring.on(wobble::daemon::opening_of(4));
    ring.on(wobble::daemon::closing_of(4, End::reset));
    EXPECT_TRUE(journal->sync(wobble::daemon::kLongEnough));
  }
  Ran run(std::vector<std::string> words) {
    words.insert(words.begin(), {"log", "--db", file});
    words.insert(words.end(), {"--url", "http://127.0.0.1:1"});
    return run_wobble(words);
  }

  TemporaryDirectory directory;
  std::string file = directory.file("journal.db");
  EventRing ring;
  std::unique_ptr<Journal> journal;
};

TEST_F(LogFile, is_read_while_it_is_written_and_afterwards) {
  EXPECT_THAT(ids_of(run({"--json"}).out), ElementsAre(4, 3, 2, 1));
  journal->stop();
  journal.reset();
  EXPECT_THAT(ids_of(run({"--json"}).out), ElementsAre(4, 3, 2, 1));
}

TEST_F(LogFile, has_the_same_filters) {
  EXPECT_THAT(ids_of(run({"--json", "--end", "reset"}).out), ElementsAre(4));
  EXPECT_THAT(ids_of(run({"--json", "--port", "40002"}).out), ElementsAre(2));
  EXPECT_THAT(ids_of(run({"--json", "--since", "1h", "--limit", "2"}).out), ElementsAre(4, 3));
  EXPECT_THAT(run({"--json", "--until", "1h"}).out, IsEmpty());
  EXPECT_THAT(run({"--json", "--condition", "loss"}).out, IsEmpty());
  EXPECT_THAT(ids_of(run({"--json", "--condition", "none", "--state", "closed"}).out), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(run({"--until", "1h"}).out, HasSubstr("no connections"));
}

TEST_F(LogFile, names_the_columns_though_there_is_no_row) {
  const auto some = lines_of(run({"--csv"}).out);
  const auto none = lines_of(run({"--csv", "--port", "1"}).out);
  ASSERT_EQ(none.size(), 1U);
  EXPECT_EQ(none[0], some[0]);
}

TEST_F(LogFile, takes_days) {
  EXPECT_THAT(ids_of(run({"--json", "--since", "3d"}).out), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(ids_of(run({"--json", "--since", "2026-01-31", "--until", "2199-12-31"}).out), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(run({"--json", "--until", "2026-01-31"}).out, IsEmpty());
  EXPECT_EQ(run({"--since", "2026-02-30"}).exit_code, 2);
}

TEST_F(LogFile, knows_each_impairment) {
  for (const char* name : {"idle_timeout", "outage", "mtu", "loss", "corrupt", "duplicate", "rate", "trace", "queue",
                           "slot", "delay", "reorder"}) {
    EXPECT_EQ(run({"--condition", name}).exit_code, 0) << name;
  }
}

TEST_F(LogFile, says_what_is_wrong_with_a_filter) {
  const auto complaint = [&](const char* option, const char* value) {
    const Ran ran = run({option, value});
    EXPECT_EQ(ran.exit_code, 2) << option;
    EXPECT_THAT(ran.out, IsEmpty());
    return ran.err;
  };
  EXPECT_THAT(complaint("--end", "resett"), HasSubstr("reset"));
  EXPECT_THAT(complaint("--state", "ESTABLISH"), HasSubstr("ESTABLISHED"));
  EXPECT_THAT(complaint("--since", "yesterday"), HasSubstr("since is a time such as"));
  EXPECT_THAT(complaint("--until", "10 parsecs"), HasSubstr("until is a time such as"));
  EXPECT_THAT(complaint("--address", "10.77.0"), HasSubstr("address is an IPv4 or IPv6 address"));
  EXPECT_THAT(complaint("--condition", "los"), HasSubstr("did you mean \"loss\"?\n"));
  EXPECT_THAT(complaint("--port", "99999"), HasSubstr("port is from 0 to 65535"));
}

TEST_F(LogFile, must_be_a_log) {
  const Ran missing = run_wobble({"log", "--db", directory.file("nothing.db")});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.err, HasSubstr("there is no file"));
  const std::string other = directory.file("other.db");
  wobble::daemon::Database(other, wobble::daemon::Database::Mode::create).exec("CREATE TABLE recipes(a)");
  EXPECT_THAT(run_wobble({"log", "--db", other}).err, HasSubstr("is not a log of wobbled"));
  journal.reset();
  wobble::daemon::Database(file, wobble::daemon::Database::Mode::create).exec("PRAGMA user_version = 99");
  EXPECT_THAT(run({}).err, HasSubstr("has schema 99"));
}

}  // namespace
