// wobble exec, for real: a namespace that a descriptor holds, as the daemon's lab does.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_wobble.h"

namespace {

using namespace wobble::test;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

/// A network namespace that nothing but a descriptor of ours holds.
class Holder {
 public:
  Holder() {
    std::thread([this] {
      if (unshare(CLONE_NEWNET) == 0) fd_ = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    }).join();
  }
  ~Holder() {
    if (made()) close(fd_);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;

  bool made() const { return fd_ >= 0; }
  std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_); }
  std::string identity() const {
    char buffer[64] = {};
    return readlink(path().c_str(), buffer, sizeof buffer - 1) > 0 ? buffer : "";
  }

 private:
  int fd_ = -1;
};

class Exec : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!holder.made()) GTEST_SKIP() << "a network namespace cannot be made: that takes root (CAP_SYS_ADMIN)";
    serve(holder.path());
  }
  void serve(const std::string& netns) {
    json link = json::parse(kLink);
    link["near"]["netns"] = netns;
    daemon.answer("GET /api/v1/links/lab", {200, link.dump()});
  }
  Ran run(std::vector<std::string> command, Without without = {}) {
    std::vector<std::string> words = {"exec", "lab", "near", "--"};
    words.insert(words.end(), command.begin(), command.end());
    return run_wobble(words, {{"WOBBLE_URL", daemon.url()}}, Output::pipe, without);
  }
  Holder holder;
  FakeDaemon daemon;
};

TEST_F(Exec, runs_the_command_in_the_namespace_of_that_side) {
  const Ran ran = run({"readlink", "/proc/self/ns/net"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, holder.identity() + "\n");
}

TEST_F(Exec, hands_words_options_and_the_exit_code_through) {
  const Ran ran = run({"sh", "-c", "echo \"$#:$1:$2\"; echo e >&2; exit 42", "-", "--json", "a  b"});
  EXPECT_EQ(ran.exit_code, 42);
  EXPECT_EQ(ran.out, "2:--json:a  b\n");
  EXPECT_EQ(ran.err, "e\n");
  EXPECT_EQ(run({"sh", "-c", "kill -TERM $$"}).exit_code, 128 + SIGTERM);
}

TEST_F(Exec, ends_as_a_shell_does_if_the_command_cannot_run) {
  const Ran missing = run({"wobble-no-such-command"});
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_EQ(missing.err, "wobble: exec: wobble-no-such-command: No such file or directory\n");
  EXPECT_EQ(run({"/etc/passwd"}).exit_code, 126);
}

TEST_F(Exec, the_command_is_told_of_closed_pipes_again) {
  EXPECT_EQ(run({"sh", "-c", "kill -PIPE $$"}).exit_code, 128 + SIGPIPE) << "SIGPIPE is not inherited as ignored";
}

TEST_F(Exec, the_side_in_the_daemons_own_namespace_is_ours_on_loopback) {
  char own[64] = {};
  ASSERT_GT(readlink("/proc/self/ns/net", own, sizeof own - 1), 0);
  const Ran ran =
      run_wobble({"exec", "lab", "far", "--", "readlink", "/proc/self/ns/net"}, {{"WOBBLE_URL", daemon.url()}});
  EXPECT_THAT(ran.out, HasSubstr(own)) << ran.err;
}

TEST_F(Exec, a_path_that_is_not_here_is_explained) {
  for (const char* path : {"/proc/1/fd/no-such", "/etc/passwd", "/proc/self/ns/mnt", "/dev/null"}) {
    serve(path);
    const Ran ran = run({"true"});
    EXPECT_EQ(ran.exit_code, 1) << path;
    EXPECT_THAT(ran.err, HasSubstr("another pid namespace")) << path;
    EXPECT_THAT(ran.err, MatchesRegex("wobble: [^\n]*\n"));
  }
}

TEST_F(Exec, without_the_right_to_it_says_so) {
  const Ran ran = run({"true"}, Without{CAP_SYS_ADMIN});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.err, HasSubstr("run it as root"));
}

}  // namespace
