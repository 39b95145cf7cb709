#include "daemon/memory_limit.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace wobble::daemon {
namespace {

namespace fs = std::filesystem;

/// A root folder that says so much of control groups.
class MemoryLimit : public testing::Test {
 protected:
  MemoryLimit() {
    std::string pattern = fs::temp_directory_path() / "wobble-memory-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~MemoryLimit() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::uint64_t limit() const { return memory_limit(root_); }

  const std::uint64_t machine_ = memory_limit("/nowhere");
  fs::path root_;
};

TEST_F(MemoryLimit, IsTheMachinesWithoutControlGroups) {
  EXPECT_GT(machine_, std::uint64_t{64} << 20);
  EXPECT_EQ(limit(), machine_);
}

TEST_F(MemoryLimit, IsThatOfTheGroup) {
  write("proc/self/cgroup", "0::/system.slice/wobbled.service\n");
  write("sys/fs/cgroup/system.slice/wobbled.service/memory.max", "104857600\n");
  EXPECT_EQ(limit(), 104857600u);
}

TEST_F(MemoryLimit, IsTheLeastOfTheGroupsAbove) {
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/memory.max", "50000000\n");
  EXPECT_EQ(limit(), 50000000u);
}

TEST_F(MemoryLimit, OfAContainerStandsAtTheRootOfWhatItSees) {
  write("proc/self/cgroup", "3:cpu,cpuacct:/docker/abc\n2:hugetlb,memory:/docker/abc\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "70000000\n");
  EXPECT_EQ(limit(), 70000000u);
}

TEST_F(MemoryLimit, IsNeverMoreThanTheMachineHas) {
  write("proc/self/cgroup", "2:memory:/\nrubbish\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(limit(), machine_);
}

}  // namespace
}  // namespace wobble::daemon
