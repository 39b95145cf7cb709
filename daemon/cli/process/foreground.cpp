#include "daemon/cli/process/foreground.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "daemon/cli/process/process.h"
#include "daemon/cli/words/failure.h"
#include "emulator/throw_errno.h"

namespace wobble::daemon {
namespace {

constexpr int kPassedOn[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH};

// Blocked before the child is there, so that none is lost between.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigemptyset(&held_);
    for (const int signal : kPassedOn) sigaddset(&held_, signal);
    sigaddset(&held_, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &held_, &before_) != 0) throw_errno("sigprocmask");
  }
  ~SignalsHeld() { let_go(); }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

  void let_go() const { sigprocmask(SIG_SETMASK, &before_, nullptr); }
  int wait(siginfo_t& about) const { return sigwaitinfo(&held_, &about); }

 private:
  sigset_t held_;
  sigset_t before_;
};

// What the child says through the pipe if it does not become the command: an exit code and a line.
[[noreturn]] void tell_and_exit(int pipe, int code, const std::string& line) {
  const std::string message = std::string(1, static_cast<char>(code)) + line;
  [[maybe_unused]] const ssize_t written = write(pipe, message.data(), message.size());
  _exit(code);
}

[[noreturn]] void become(const std::vector<std::string>& command, const std::function<void()>& prepare,
                         const SignalsHeld& signals, int pipe) {
  try {
    prepare();
    signals.let_go();
    const int code = replace_process(command);
    tell_and_exit(pipe, code, command[0] + ": " + std::strerror(errno));
  } catch (const Failure& failure) {
    tell_and_exit(pipe, failure.exit_code, failure.what());
  } catch (const std::exception& error) {
    tell_and_exit(pipe, kExitRefused, error.what());
  }
}

// Until the pipe closes: by exec, or after a message.
std::string read_all(int pipe) {
  std::string all;
  std::array<char, 512> buffer{};
  for (;;) {
    const ssize_t n = read(pipe, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return all;
    all.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

bool is_from_somebody(const siginfo_t& about) { return about.si_code <= 0; }  // kill(), sigqueue(), tgkill()

int wait_for(pid_t child, const SignalsHeld& signals) {
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) throw_errno("waitpid");
    siginfo_t about{};
    const int signal = signals.wait(about);
    if (signal > 0 && signal != SIGCHLD && is_from_somebody(about)) kill(child, signal);
  }
}

}  // namespace

int run_in_foreground(const std::vector<std::string>& command, const std::function<void()>& prepare) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe");
  std::signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody can wait
  const SignalsHeld signals;
  const pid_t child = fork();
  if (child < 0) throw_errno("fork");
  if (child == 0) {
    close(ends[0]);
    become(command, prepare, signals, ends[1]);
  }
  close(ends[1]);
  const std::string complaint = read_all(ends[0]);
  close(ends[0]);
  const int code = wait_for(child, signals);
  if (!complaint.empty()) throw Failure(static_cast<unsigned char>(complaint[0]), complaint.substr(1));
  return code;
}

}  // namespace wobble::daemon
