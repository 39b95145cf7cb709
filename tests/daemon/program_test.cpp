// Programs that are started: what is given back of them, and what ends those that hang. tests/e2e/program.py has a
// daemon whose `ip` hangs.
#include "daemon/system/program.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>

namespace wobble::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

std::string error_of(const std::vector<std::string>& command) {
  try {
    run_process(command);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "none";
}

std::vector<std::string> shell(const std::string& script) { return {"sh", "-c", script}; }

bool is_running(pid_t process) { return ::kill(process, 0) == 0; }

TEST(Program, gives_back_what_it_wrote_and_how_it_ended) {
  const Finished finished = run_process(shell("cat; echo wrong >&2; exit 7"), "input");
  EXPECT_EQ(finished.out, "input");
  EXPECT_EQ(finished.err, "wrong");
  EXPECT_EQ(finished.exit_code, 7);
  EXPECT_EQ(run_process(shell("kill -TERM $$")).exit_code, 143);
  EXPECT_EQ(output_of(shell("head -c 300000 /dev/zero")).size(), 300'000U);
}

TEST(Program, an_error_says_what_failed_and_why) {
  EXPECT_THROW(run_program(shell("exit 3"), ""), std::runtime_error);
  try {
    run_program(shell("echo no such device >&2; exit 3"), "");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "'sh -c echo no such device >&2; exit 3' failed: no such device");
  }
  EXPECT_EQ(error_of({"no-such-program"}), "'no-such-program' is not installed");
}

TEST(Program, what_writes_without_end_is_killed) {
  EXPECT_THAT(error_of({"cat", "/dev/zero"}), HasSubstr("wrote more than 64 MB"));
}

TEST(Program, what_it_leaves_behind_holds_nobody_up) {
  const auto began = std::chrono::steady_clock::now();
  const Finished finished = run_process(shell("sleep 60 & echo $!"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 8s);
  EXPECT_EQ(::kill(std::stoi(finished.out), SIGKILL), 0);
}

TEST(Program, our_blocked_and_ignored_signals_are_not_its_own) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  const auto pipes = ::signal(SIGPIPE, SIG_IGN);
  const std::string status = output_of({"cat", "/proc/self/status"});
  ::signal(SIGPIPE, pipes);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_THAT(status, HasSubstr("SigBlk:\t0000000000000000"));
  const std::size_t ignored = status.find("SigIgn:\t");
  ASSERT_NE(ignored, std::string::npos);
  EXPECT_EQ(std::stoull(status.substr(ignored + 8, 16), nullptr, 16) & (1ULL << (SIGPIPE - 1)), 0U);
}

/// What the process's end does, in a process of its own: 0 if all is as it should be.
int stop_and_see() {
  auto hangs = std::async(std::launch::async, [] { return error_of(shell("sleep 1000 & echo $! >&2; wait")); });
  std::this_thread::sleep_for(300ms);
  const auto began = std::chrono::steady_clock::now();
  stop_programs();
  if (hangs.get().find("was ended, since this process is to end") == std::string::npos) return 1;
  if (std::chrono::steady_clock::now() - began > 2s) return 2;
  if (output_of({"echo", "still"}) != "still\n") return 3;  // what takes things down still runs
  for (const char* wanted : {"did not end within 2 s", "was not started"}) {
    if (error_of({"sleep", "1000"}).find(wanted) == std::string::npos) return 4;
  }
  return std::chrono::steady_clock::now() - began < 8s ? 0 : 5;
}

TEST(Program, at_the_end_those_that_hang_are_ended) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // else this process, whose end it is not, would be told too
  EXPECT_EXIT(::_exit(stop_and_see()), ::testing::ExitedWithCode(0), "");
}

TEST(Program, one_that_hangs_dies_after_ten_seconds_with_all_it_has_started) {
  const std::string file = ::testing::TempDir() + "wobble-program-" + std::to_string(::getpid());
  const auto began = std::chrono::steady_clock::now();
  const std::string error = error_of(shell("sleep 1000 & echo $! >" + file + "; wait"));
  EXPECT_GE(std::chrono::steady_clock::now() - began, 10s);
  EXPECT_THAT(error, StartsWith("'sh -c sleep 1000 & echo"));
  EXPECT_THAT(error, HasSubstr("did not end within 10 s and was killed"));
  const pid_t grandchild = std::stoi(output_of({"cat", file}));
  ::unlink(file.c_str());
  for (int tries = 0; is_running(grandchild) && tries < 100; ++tries) std::this_thread::sleep_for(50ms);
  EXPECT_FALSE(is_running(grandchild));
}

}  // namespace
}  // namespace wobble::daemon
