// kill -9 at random moments while a child writes at full speed, or gets more than it can write: what was told as
// committed is there, at most the last quarter of a second is missing, and the next start says so. And: a second daemon
// on the same file is refused.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <system_error>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using std::chrono::milliseconds;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr Duration kMissingAtMost = milliseconds(500);
#else
constexpr Duration kMissingAtMost = milliseconds(250);
#endif

/// The program until_killed, with its arguments: killed and reaped, whatever happens.
class Child {
 public:
  explicit Child(std::string file, std::string load = "as_taken") {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    std::string program = UNTIL_KILLED;
    char* const words[] = {program.data(), file.data(), load.data(), nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    const int error = posix_spawn(&pid_, program.c_str(), &files, nullptr, words, environ);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    report_ = ends[0];
    if (error != 0) throw std::system_error(error, std::generic_category(), program);
  }
  ~Child() {
    kill_now();
    close(report_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void kill_now() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }
  /// The next number it tells; 0 when there is none any more.
  std::uint64_t next_report() {
    std::uint64_t value = 0;
    return read(report_, &value, sizeof value) == sizeof value ? value : 0;
  }
  /// Everything that is told until `until`.
  std::uint64_t newest_report(std::uint64_t newest, TimePoint until) {
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(until - monotonic_now()).count();
      pollfd ready{report_, POLLIN, 0};
      if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) <= 0) return newest;
      const std::uint64_t next = next_report();
      if (next == 0) return newest;
      newest = next;
    }
  }

 private:
  pid_t pid_ = 0;
  int report_ = -1;
};

/// What the file says, before a next daemon opens it.
void expect_sound(const std::string& file, std::uint64_t first, std::uint64_t committed) {
  Database database(file, Database::Mode::create);  // a read-only opener could not recover the log
  Statement check(database, "PRAGMA integrity_check");
  ASSERT_TRUE(check.step());
  EXPECT_EQ(check.text(0), "ok");
  const auto count = [&](const char* table) {
    Statement row(database, std::string("SELECT count(*) FROM ") + table + " WHERE id BETWEEN ?1 AND ?2");
    row.bind(1, static_cast<std::int64_t>(first)).bind(2, static_cast<std::int64_t>(committed)).step();
    return static_cast<std::uint64_t>(row.integer(0));
  };
  EXPECT_EQ(count("events") + count("transitions"), committed - first + 1) << "every number that was told is there";
  EXPECT_EQ(database.integer("SELECT count(*) FROM transitions"),
            database.integer("SELECT transitions FROM bookkeeping"));
  EXPECT_EQ(database.integer("SELECT count(*) FROM connections"),
            database.integer("SELECT connections FROM bookkeeping"));
}

/// The child pushes without a pause: what came after the last event in the file is missing, and the file must not say
/// that it is complete up to a later moment, or much less.
Duration missing_in(const std::string& file, TimePoint killed) {
  Database database(file, Database::Mode::create);
  const auto last_event = database.integer(
      "SELECT max(coalesce((SELECT at FROM transitions ORDER BY id DESC LIMIT 1), 0), "
      "(SELECT at FROM events ORDER BY id DESC LIMIT 1))");
  const auto complete_until = database.integer("SELECT complete_until FROM sessions ORDER BY id DESC");
  // Both processes read the same clocks, each its own anchor: the difference is microseconds.
  return Duration(WallAnchor::now().at(killed) - std::min(last_event, complete_until));
}

void kill_again_and_again(const std::string& load) {
  std::mt19937 chance(20'240'817);
  std::vector<Duration> missing;
  for (int file_number = 0; file_number < 2; ++file_number) {
    const TemporaryDirectory directory;
    const std::string file = directory.file("journal.db");
    for (int round = 0; round < 5; ++round) {
      SCOPED_TRACE(testing::Message() << "file " << file_number << " round " << round);
      Child child(file, load);
      const pid_t pid = child.pid();
      const std::uint64_t first = child.next_report();  // daemon_started
      ASSERT_GT(first, 0u);
      // A flood takes some time until what waits is as much as it gets.
      const int earliest = load == "flood" ? 400 : 10;
      const TimePoint kill_at = monotonic_now() + milliseconds(earliest + static_cast<int>(chance() % 400));
      child.newest_report(first, kill_at);
      const TimePoint killed = monotonic_now();
      child.kill_now();
      const std::uint64_t committed = child.newest_report(first, monotonic_now() + kLongEnough);
      expect_sound(file, first, committed);
      missing.push_back(missing_in(file, killed));
      const Journal journal({.file = file});
      ASSERT_TRUE(journal.killed_before());
      EXPECT_EQ(journal.killed_before()->pid, pid);
    }
  }
  std::sort(missing.begin(), missing.end());
  const auto in_ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
  std::printf("missing after a kill: median %.1f ms, most %.1f ms\n", in_ms(missing[missing.size() / 2]),
              in_ms(missing.back()));
  // The bound is of the clock: on a busy machine the thread may not run for that long, now and then.
  EXPECT_LE(missing[missing.size() / 2], kMissingAtMost);
  EXPECT_LE(missing.back(), std::chrono::seconds(5)) << "hopelessly late, even for a busy machine";
}

TEST(JournalCrash, NothingCommittedIsLost) { kill_again_and_again("as_taken"); }
TEST(JournalCrash, NorUnderMoreThanTheDiskTakes) { kill_again_and_again("flood"); }

TEST(JournalCrash, TheNextStartSaysSo) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("journal.db");
  Child child(file);
  const pid_t pid = child.pid();
  std::uint64_t newest = child.next_report();
  while (newest < 1000) newest = child.next_report();
  child.kill_now();
  newest = child.newest_report(newest, monotonic_now() + kLongEnough);

  Journal journal({.file = file});
  const auto killed = journal.killed_before();
  ASSERT_TRUE(killed);
  EXPECT_GT(killed->open_connections, 0);
  const auto events = journal.events({.since = newest, .kind = "daemon_started"});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_THAT(events[0].text, testing::HasSubstr("(pid " + std::to_string(pid) + ") ended without stopping"));
  EXPECT_THAT(events[0].detail, testing::HasSubstr("\"killed_before\":{\"pid\":" + std::to_string(pid)));
  // What was open when the log ended says when that was.
  const auto open = journal.connections({.end = End::open, .limit = 1000}).items;
  EXPECT_FALSE(open.empty());
  for (const auto& row : open) {
    ASSERT_TRUE(row.closed_at) << row.id;
    EXPECT_EQ(*row.closed_at, std::max(row.opened_at, killed->last_written_at));
    EXPECT_LT(row.id, journal.first_connection_id());
  }
}

TEST(JournalCrash, ASecondDaemonIsRefused) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("journal.db");
  Child child(file);
  ASSERT_GT(child.next_report(), 0u);
  try {
    const Journal second({.file = file});
    FAIL() << "opened";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(file + " is in use by another wobbled"));
  }
  child.kill_now();
  EXPECT_NO_THROW(Journal({.file = file})) << "the lock went with the process";
}

}  // namespace
}  // namespace wobble::daemon
