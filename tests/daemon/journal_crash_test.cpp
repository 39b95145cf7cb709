// kill -9 at random moments while a child writes at full speed: what was told as committed is there, at most the last
// quarter of a second is missing, and the next start says so. And: a second daemon on the same file is refused.
#include <gmock/gmock.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using std::chrono::milliseconds;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr Duration kMissingAtMost = std::chrono::seconds(1);
#else
constexpr Duration kMissingAtMost = milliseconds(250);
#endif

/// The child: pushes whole lives as fast as the journal takes them; tells each newest committed number on `report`.
[[noreturn]] void write_until_killed(const std::string& file, int report) {
  EventRing ring;
  Journal journal({.file = file});
  journal.add_link("lab", ring);
  std::thread teller([&] {
    for (std::uint64_t newest = journal.newest_event();; newest = journal.wait_for_event(newest, kLongEnough)) {
      if (write(report, &newest, sizeof newest) != sizeof newest) _exit(1);
    }
  });
  for (ConnectionId id = journal.first_connection_id();; ++id) {
    push_life(ring, id);
    if (id % 10 == 0) ring.on(opening_of(++id));        // these stay open
    if (ring.size() > 8000) journal.sync(kLongEnough);  // as fast as it is taken
  }
}

/// A forked child that is killed and reaped, whatever happens.
class Child {
 public:
  template <typename Body>
  explicit Child(Body body) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    std::fflush(nullptr);  // else the child might write out what is still to be written
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      try {
        body(ends[1]);
      } catch (const std::exception& error) {
        fprintf(stderr, "child: %s\n", error.what());
      }
      _exit(1);
    }
    close(ends[1]);
    report_ = ends[0];
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

TEST(JournalCrash, NothingCommittedIsLost) {
  std::mt19937 chance(20'240'817);
  std::vector<Duration> missing;
  for (int file_number = 0; file_number < 4; ++file_number) {
    const TemporaryDirectory directory;
    const std::string file = directory.file("journal.db");
    for (int round = 0; round < 5; ++round) {
      SCOPED_TRACE(testing::Message() << "file " << file_number << " round " << round);
      Child child([&](int report) { write_until_killed(file, report); });
      const pid_t pid = child.pid();
      const std::uint64_t first = child.next_report();  // daemon_started
      ASSERT_GT(first, 0u);
      const TimePoint kill_at = monotonic_now() + milliseconds(10 + chance() % 400);
      child.newest_report(first, kill_at);
      const TimePoint killed = monotonic_now();
      child.kill_now();
      const std::uint64_t committed = child.newest_report(first, monotonic_now() + kLongEnough);
      expect_sound(file, first, committed);
      {
        Database database(file, Database::Mode::create);
        // A batch holds everything that was pushed before it was put together, which is the time written with it.
        // Both processes read the same clocks, each its own anchor: the difference is microseconds.
        const auto written = database.integer("SELECT last_written_at FROM sessions ORDER BY id DESC");
        missing.emplace_back(WallAnchor::now().at(killed) - written);
      }
      const Journal journal({.file = file});
      ASSERT_TRUE(journal.killed_before());
      EXPECT_EQ(journal.killed_before()->pid, pid);
    }
  }
  std::sort(missing.begin(), missing.end());
  const auto in_ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
  std::printf("missing after a kill: median %.1f ms, most %.1f ms\n", in_ms(missing[missing.size() / 2]),
              in_ms(missing.back()));
  EXPECT_LE(missing[missing.size() / 2], kMissingAtMost);
  EXPECT_LE(missing.back(), std::chrono::seconds(5)) << "hopelessly late, even for a busy machine";
}

TEST(JournalCrash, TheNextStartSaysSo) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("journal.db");
  Child child([&](int report) { write_until_killed(file, report); });
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
  Child child([&](int report) { write_until_killed(file, report); });
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
