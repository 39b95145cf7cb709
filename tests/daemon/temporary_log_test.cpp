// A log that nobody keeps, and what becomes of those whose process was killed.
#include "daemon/journal/temporary_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace wobble::daemon {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class TemporaryLogTest : public testing::Test {
 protected:
  TemporaryLogTest() : folder_(fs::temp_directory_path() / ("wobble-test-" + std::to_string(::getpid()) + "-logs")) {
    fs::create_directories(folder_);
    ::setenv("TMPDIR", folder_.c_str(), 1);
  }
  ~TemporaryLogTest() override {
    ::unsetenv("TMPDIR");
    fs::remove_all(folder_);
  }

  /// As a killed process leaves it.
  std::string leave(const std::string& name, bool with_lock = true) const {
    const fs::path path = folder_ / name;
    fs::create_directories(path);
    std::ofstream(path / "wobble.db") << "a log";
    if (with_lock) std::ofstream(path / "lock") << "";
    return path;
  }

  const fs::path folder_;
};

TEST_F(TemporaryLogTest, it_goes_with_its_folder) {
  {
    const TemporaryLog log;
    std::ofstream(log.file()) << "a log";
    EXPECT_TRUE(fs::exists(log.file()));
    EXPECT_THAT(remove_abandoned_logs(), IsEmpty()) << "it lives";
    const TemporaryLog second;
    EXPECT_TRUE(fs::exists(log.file()));
  }
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(TemporaryLogTest, what_a_killed_one_has_left_the_next_removes) {
  const std::string left = leave("wobble-log-abcdef");
  EXPECT_THAT(remove_abandoned_logs(true), ElementsAre(left));
  EXPECT_TRUE(fs::exists(left)) << "that was a dry run";
  const TemporaryLog next;
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(TemporaryLogTest, what_lives_or_is_none_stays) {
  const std::string alive = leave("wobble-log-alive1");
  const UniqueFd lock(::open((alive + "/lock").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX | LOCK_NB), 0);
  const std::string in_the_making = leave("wobble-log-making", false);
  const std::string anothers = leave("another-log-abcdef");
  fs::create_directory_symlink(anothers, folder_ / "wobble-log-linked");
  EXPECT_THAT(remove_abandoned_logs(), IsEmpty());
  for (const std::string& path : {alive, in_the_making, anothers}) EXPECT_TRUE(fs::exists(path + "/wobble.db")) << path;
}

}  // namespace
}  // namespace wobble::daemon
