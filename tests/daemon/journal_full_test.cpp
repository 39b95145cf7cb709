// A disk that takes no more: nobody crashes or waits, health says it, what is lost is counted, and when there is room
// again the log goes on and says what it misses.
//
// The disk is a small tmpfs in a mount namespace of its own (as root), or there is a limit on the size of files.
#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <thread>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using std::chrono::milliseconds;

#define MUST(condition) \
  if (!(condition)) throw std::runtime_error("line " + std::to_string(__LINE__) + ": " #condition)

/// `shut` takes the room away, `open` gives it back.
void live_through_a_full_disk(const std::string& file, const std::function<void()>& shut,
                              const std::function<void()>& open) {
  constexpr ConnectionId kLives = 1000;
  EventRing ring(1024);
  Journal journal({.file = file, .retry_interval = milliseconds(20)});
  journal.add_link("lab", ring);
  push_life(ring, 1);
  MUST(journal.sync(kLongEnough));
  MUST(journal.health().ok);
  const auto sound = journal.newest_event();

  shut();
  // More than fits into the rest of the file system and the ring; the link's thread never waits.
  ConnectionId id = 1;
  while (journal.health().ok && id < 100'000) {
    push_life(ring, ++id);
    if (id % 64 == 0) journal.sync(kLongEnough);
  }
  for (ConnectionId more = 0; more < kLives; ++more) push_life(ring, ++id);
  MUST(!journal.sync(kLongEnough));
  const auto health = journal.health();
  MUST(!health.ok && health.detail.find("cannot be written") != std::string::npos);
  const auto note = journal.annotate("while it was full", "lab");
  MUST(note.id > sound);
  MUST(journal.stats().write_errors > 0);
  MUST(ring.lost_transitions() > 0);
  MUST(!journal.connections({}).items.empty());  // reading goes on

  open();
  MUST(eventually([&] { return journal.sync(kLongEnough); }));
  MUST(journal.health().ok);
  push_life(ring, ++id);
  MUST(journal.sync(kLongEnough));
  MUST(journal.connection(id)->end == End::orderly);
  MUST(journal.events({.kind = "annotation"}).back().id == note.id);
  MUST(!journal.events({.kind = "events_lost"}).empty());
  const auto lost = journal.stats().lost_transitions;
  MUST(lost == ring.lost_transitions());
  journal.stop();

  // Every event of every life is either there or told as lost.
  Database database(file, Database::Mode::read_only);
  const auto there = database.integer(
      "SELECT (SELECT count(*) FROM transitions) + (SELECT count(*) FROM events WHERE connection IS NOT NULL)");
  const auto told =
      database.integer("SELECT sum(json_extract(detail, '$.transitions')) FROM events WHERE kind = 'events_lost'");
  MUST(static_cast<std::uint64_t>(told) == lost);
  MUST(static_cast<std::uint64_t>(there + told) == id * (kTransitionsOfLife + 2));
  Statement check(database, "PRAGMA integrity_check");
  MUST(check.step() && check.text(0) == "ok");
}

// On a thread with mounts of its own, which its journal's threads share, and which vanish with it.
TEST(JournalFull, FullFileSystem) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount a small tmpfs in a namespace of its own";
  const TemporaryDirectory directory;
  const auto live = [&] {
    MUST(unshare(CLONE_NEWNS) == 0);
    MUST(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
    MUST(mount("wobble-test", directory.path().c_str(), "tmpfs", 0, "size=4m") == 0);
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
          MUST(mount("wobble-test", directory.path().c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0);
        });
  };
  std::thread([&] { EXPECT_NO_THROW(live()); }).join();
}

/// This process may write no file beyond so many bytes, and is told so by errno, until this ends.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) : told_(signal(SIGXFSZ, SIG_IGN)) {
    MUST(getrlimit(RLIMIT_FSIZE, &usual_) == 0);
    small_ = {std::min(bytes, usual_.rlim_max), usual_.rlim_max};
  }
  ~SmallFiles() {
    setrlimit(RLIMIT_FSIZE, &usual_);
    signal(SIGXFSZ, told_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

  void begin() const { MUST(setrlimit(RLIMIT_FSIZE, &small_) == 0); }
  void end() const { MUST(setrlimit(RLIMIT_FSIZE, &usual_) == 0); }

 private:
  sighandler_t told_;
  rlimit usual_{};
  rlimit small_{};
};

TEST(JournalFull, LimitOnTheSizeOfFiles) {
  const TemporaryDirectory directory;
  const SmallFiles limit(512 * 1024);
  EXPECT_NO_THROW(live_through_a_full_disk(
      directory.file("journal.db"), [&] { limit.begin(); }, [&] { limit.end(); }));
}

// What waits for the disk is bounded in bytes too; what is in force at the end stands behind the gap.
TEST(JournalFull, LargeChangesThatCannotBeWritten) {
  const TemporaryDirectory directory;
  const SmallFiles limit(512 * 1024);
  EventRing ring;
  Journal journal({.file = directory.file("journal.db"), .retry_interval = milliseconds(5)});
  journal.add_link("lab", ring);
  ASSERT_TRUE(journal.sync(kLongEnough));
  constexpr std::uint64_t kChanges = 30;
  const std::string padding(1'000'000, 'x');
  limit.begin();
  journal.record_change({"lab", 2, "api", R"({"pad":")" + padding + R"("})"});
  EXPECT_FALSE(journal.sync(kLongEnough));
  std::uint64_t taken = 0;
  for (std::uint64_t revision = 3; revision < 3 + kChanges; ++revision) {
    const auto row = journal.record_change(
        {"lab", revision, "api", R"({"revision":)" + std::to_string(revision) + R"(,"pad":")" + padding + R"("})"});
    taken += row.id > 0 ? 1 : 0;
  }
  EXPECT_LE(taken, 8u) << "each is there twice: as a change, and in an event's detail";
  EXPECT_GE(taken, 4u);
  EXPECT_EQ(journal.stats().lost_transitions, kChanges - taken);
  limit.end();
  ASSERT_TRUE(eventually([&] { return journal.sync(kLongEnough); }));
  ASSERT_TRUE(journal.sync(kLongEnough));
  EXPECT_EQ(journal.events({.kind = "events_lost"}).size(), 1u);
  Database database(directory.file("journal.db"), Database::Mode::read_only);
  EXPECT_EQ(database.integer("SELECT revision FROM condition_changes ORDER BY id DESC LIMIT 1"), 2 + kChanges);
  journal.stop();
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
  EXPECT_EQ(told[0].detail, R"({"transitions":1,"segments":1,"connections":1})");
  journal.stop();
}

}  // namespace
}  // namespace wobble::daemon
