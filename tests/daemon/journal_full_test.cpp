// A disk that takes no more: nobody crashes or waits, health says it, what is lost is counted, and when there is room
// again the log goes on and says what it misses.
//
// In a child: a small tmpfs in a mount namespace of its own (as root), or a limit on the size of files.
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using std::chrono::milliseconds;

#define CHILD_EXPECT(condition) \
  if (!(condition)) throw std::runtime_error("line " + std::to_string(__LINE__) + ": " #condition)

/// Runs `body` in a forked child; what it throws fails the test.
void run_in_child(const std::function<void()>& body) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::fflush(nullptr);  // else the child might write out what is still to be written
  const pid_t child = fork();
  if (child == 0) {
    std::string outcome = "done";
    try {
      body();
    } catch (const std::exception& error) {
      outcome = error.what();
    }
    if (write(ends[1], outcome.data(), outcome.size()) < 0) _exit(2);
    _exit(0);
  }
  close(ends[1]);
  std::string outcome;
  char part[512];
  for (ssize_t n = 0; (n = read(ends[0], part, sizeof part)) > 0;) outcome.append(part, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status)) << "the child died of signal " << WTERMSIG(status);
  EXPECT_EQ(outcome, "done");
}

bool eventually(const std::function<bool()>& condition) {
  for (const TimePoint until = monotonic_now() + kLongEnough; monotonic_now() < until;) {
    if (condition()) return true;
    usleep(2000);
  }
  return condition();
}

/// `shut` takes the room away, `open` gives it back.
void live_through_a_full_disk(const std::string& file, const std::function<void()>& shut,
                              const std::function<void()>& open) {
  constexpr ConnectionId kLives = 1000;
  EventRing ring(1024);
  Journal journal({.file = file, .retry_interval = milliseconds(20)});
  journal.add_link("lab", ring);
  push_life(ring, 1);
  CHILD_EXPECT(journal.sync(kLongEnough));
  CHILD_EXPECT(journal.health().ok);
  const auto sound = journal.newest_event();

  shut();
  // More than fits into the rest of the file system and the ring; the link's thread never waits.
  ConnectionId id = 1;
  while (journal.health().ok && id < 100'000) {
    push_life(ring, ++id);
    if (id % 64 == 0) journal.sync(kLongEnough);
  }
  for (ConnectionId more = 0; more < kLives; ++more) push_life(ring, ++id);
  CHILD_EXPECT(!journal.sync(kLongEnough));
  const auto health = journal.health();
  CHILD_EXPECT(!health.ok && health.detail.find("cannot be written") != std::string::npos);
  const auto note = journal.annotate("while it was full", "lab");
  CHILD_EXPECT(note.id > sound);
  CHILD_EXPECT(journal.stats().write_errors > 0);
  CHILD_EXPECT(ring.lost_transitions() > 0);
  CHILD_EXPECT(!journal.connections({}).items.empty());  // reading goes on

  open();
  CHILD_EXPECT(eventually([&] { return journal.sync(kLongEnough); }));
  CHILD_EXPECT(journal.health().ok);
  push_life(ring, ++id);
  CHILD_EXPECT(journal.sync(kLongEnough));
  CHILD_EXPECT(journal.connection(id)->end == End::orderly);
  CHILD_EXPECT(journal.events({.kind = "annotation"}).back().id == note.id);
  CHILD_EXPECT(!journal.events({.kind = "events_lost"}).empty());
  const auto lost = journal.stats().lost_transitions;
  CHILD_EXPECT(lost == ring.lost_transitions());
  journal.stop();

  // Every event of every life is either there or told as lost.
  Database database(file, Database::Mode::read_only);
  const auto there = database.integer(
      "SELECT (SELECT count(*) FROM transitions) + (SELECT count(*) FROM events WHERE connection IS NOT NULL)");
  const auto told =
      database.integer("SELECT sum(json_extract(detail, '$.transitions')) FROM events WHERE kind = 'events_lost'");
  CHILD_EXPECT(static_cast<std::uint64_t>(told) == lost);
  CHILD_EXPECT(static_cast<std::uint64_t>(there + told) == id * (kTransitionsOfLife + 2));
  Statement check(database, "PRAGMA integrity_check");
  CHILD_EXPECT(check.step() && check.text(0) == "ok");
}

TEST(JournalFull, FullFileSystem) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount a small tmpfs in a namespace of its own";
  const TemporaryDirectory directory;
  run_in_child([&] {
    CHILD_EXPECT(unshare(CLONE_NEWNS) == 0);
    CHILD_EXPECT(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    CHILD_EXPECT(mount("wobble-test", directory.path().c_str(), "tmpfs", 0, "size=4m") == 0);
    const std::string filler = directory.file("filler");
    live_through_a_full_disk(
        directory.file("journal.db"),
        [&] {
          std::ofstream out(filler, std::ios::binary);
          const std::string block(4096, 'x');
          while (out.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
          }
        },
        [&] {
          std::filesystem::remove(filler);
          CHILD_EXPECT(mount("wobble-test", directory.path().c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0);
        });
  });
}

TEST(JournalFull, LimitOnTheSizeOfFiles) {
  const TemporaryDirectory directory;
  run_in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    CHILD_EXPECT(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    const rlimit small{std::min<rlim_t>(512 * 1024, limit.rlim_max), limit.rlim_max};
    live_through_a_full_disk(
        directory.file("journal.db"), [&] { CHILD_EXPECT(setrlimit(RLIMIT_FSIZE, &small) == 0); },
        [&] { CHILD_EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0); });
  });
}

// A batch that can never be written (here somebody took a table away) must not stop the log for good.
TEST(JournalFull, ABatchThatIsWrongIsGivenUpAndTold) {
  const TemporaryDirectory directory;
  EventRing ring;
  Journal journal({.file = directory.file("journal.db"), .retry_interval = milliseconds(5)});
  journal.add_link("lab", ring);
  Database vandal(directory.file("journal.db"), Database::Mode::create);
  vandal.exec("ALTER TABLE segments RENAME TO hidden");
  ring.on(opening_of(1));
  ring.on(segment_of(1, tcp_flag::kSyn));
  EXPECT_FALSE(journal.sync(kLongEnough));
  EXPECT_FALSE(journal.health().ok);
  EXPECT_EQ(journal.stats().lost_transitions, 1u);
  EXPECT_EQ(journal.stats().lost_segments, 1u);
  vandal.exec("ALTER TABLE hidden RENAME TO segments");
  EXPECT_TRUE(eventually([&] { return journal.sync(kLongEnough); }));
  push_life(ring, 2);
  ASSERT_TRUE(eventually([&] { return journal.sync(kLongEnough); }));
  EXPECT_TRUE(journal.health().ok);
  EXPECT_FALSE(journal.connection(1));
  EXPECT_EQ(journal.connection(2)->end, End::orderly);
  const auto told = journal.events({.kind = "events_lost"});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].detail, R"({"transitions":1,"segments":1})");
  journal.stop();
}

}  // namespace
}  // namespace wobble::daemon
