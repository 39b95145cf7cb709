#include "daemon/system/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "emulator/mutex.h"
#include "emulator/throw_errno.h"
#include "emulator/unique_fd.h"

extern char** environ;

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Clock::duration kTimeout = 10s;
constexpr Clock::duration kPatienceAtTheEnd = 2s;
constexpr Clock::duration kDying = 500ms;  ///< a killed process that the kernel holds is not waited for any longer
constexpr std::size_t kMostOutput = std::size_t{64} << 20;
constexpr char kSystemPath[] = "/usr/sbin:/usr/bin:/sbin:/bin";

bool has_rights_of_its_own() { return ::getauxval(AT_SECURE) != 0; }

/// Whether and when this process is to end.
struct Stop {
  UniqueFd event{::eventfd(0, EFD_CLOEXEC)};  ///< readable from then on
  std::atomic<bool> is_asked = false;
  std::atomic<Clock::rep> patience = kPatienceAtTheEnd.count();  ///< for programs that hang from then on
};

Stop& the_stop() {
  static Stop stop;
  return stop;
}

/// Processes that did not die when they were killed: reaped when they have.
class Undead {
 public:
  void add(pid_t process) {
    const LockGuard lock(mutex_);
    processes_.push_back(process);
  }
  void reap() {
    const LockGuard lock(mutex_);
    std::erase_if(processes_, [](pid_t process) { return ::waitpid(process, nullptr, WNOHANG) != 0; });
  }

 private:
  Mutex mutex_;
  std::vector<pid_t> processes_ WOBBLE_GUARDED_BY(mutex_);
};

Undead& the_undead() {
  static Undead undead;
  return undead;
}

std::string joined(const std::vector<std::string>& command) {
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
  return "'" + line + "'";
}

// A nameless file, unlike a pipe, takes a whole input at once.
UniqueFd file_with(const std::string& content) {
  UniqueFd file(::memfd_create("wobble", MFD_CLOEXEC));
  if (file.get() < 0) throw_errno("memfd_create");
  if (::pwrite(file.get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size()))
    throw_errno("pwrite");
  return file;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_errno("pipe");
    reader = UniqueFd(ends[0]);
    writer = UniqueFd(ends[1]);
    ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
  }
  /// Takes what is there. False: there will be no more.
  bool read_into(std::string& text) const {
    std::array<char, 65'536> buffer;
    for (;;) {
      const ssize_t n = ::read(reader.get(), buffer.data(), buffer.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return n < 0 && errno == EAGAIN;
      text.append(buffer.data(), static_cast<std::size_t>(n));
      if (text.size() > kMostOutput) return true;
    }
  }
  UniqueFd reader;
  UniqueFd writer;
};

/// A process in a process group of its own, which dies with this object.
class Child {
 public:
  Child(const std::vector<std::string>& command, const std::string& path, int in, int out, int err) {
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawnattr_t attributes;  // our blocked and ignored signals are none of its business
    sigset_t none;
    sigset_t ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &ignored);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    const int error =
        ::posix_spawn(&process_, path.c_str(), &actions, &attributes, words.data(), environment_of_programs());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start '" + command[0] + "'");
    handle_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, process_, 0)));
  }
  ~Child() {
    if (process_ < 0) return;
    ::kill(-process_, SIGKILL);
    pollfd ended{handle_.get(), POLLIN, 0};
    ::poll(&ended, 1, static_cast<int>(kDying / 1ms));
    if (::waitpid(process_, nullptr, WNOHANG) == 0) the_undead().add(process_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int handle() const { return handle_.get(); }

  /// For one that has ended.
  int exit_code() {
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t process_ = -1;
  UniqueFd handle_;
};

enum class Outcome { ended, late, stopped, excessive };

/// Until it has ended, or longer is not to be waited. With `heeds_stop`, stop_programs() is such a reason.
Outcome wait_for(const Child& child, const Pipe& out, const Pipe& err, Clock::time_point deadline, bool heeds_stop,
                 Finished& finished) {
  std::array<pollfd, 4> fds{{{out.reader.get(), POLLIN, 0},
                             {err.reader.get(), POLLIN, 0},
                             {child.handle(), POLLIN, 0},
                             {heeds_stop ? the_stop().event.get() : -1, POLLIN, 0}}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return Outcome::late;
    if (::poll(fds.data(), fds.size(), static_cast<int>(left)) < 0 && errno != EINTR) throw_errno("poll");
    const bool has_ended = fds[2].revents != 0;  // asked before its last words are read
    if (fds[0].revents != 0 && !out.read_into(finished.out)) fds[0].fd = -1;
    if (fds[1].revents != 0 && !err.read_into(finished.err)) fds[1].fd = -1;
    if (std::max(finished.out.size(), finished.err.size()) > kMostOutput) return Outcome::excessive;
    if (has_ended) return Outcome::ended;
    if (fds[3].revents != 0) return Outcome::stopped;
  }
}

std::string seconds(Clock::duration time) {
  return std::to_string(std::chrono::round<std::chrono::seconds>(time).count()) + " s";
}

[[noreturn]] void throw_not_installed(const std::string& name) {
  const std::string package = name == "nft" ? "nftables" : name == "ip" || name == "tc" ? "iproute2" : "";
  throw std::runtime_error("'" + name + "' is not installed" +
                           (package.empty() ? "" : " (Debian: apt install " + package + ")"));
}

}  // namespace

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = has_rights_of_its_own() ? nullptr : std::getenv("PATH");
  std::string rest = path != nullptr ? path : kSystemPath;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string candidate = rest.substr(0, colon) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
  }
  return "";
}

char* const* environment_of_programs() noexcept {
  static char* const nothing[] = {nullptr};
  return has_rights_of_its_own() ? nothing : environ;
}

Finished run_process(const std::vector<std::string>& command, const std::string& input) {
  the_undead().reap();
  Stop& stop = the_stop();
  const bool is_at_the_end = stop.is_asked;
  const Clock::duration patience = is_at_the_end ? Clock::duration(stop.patience) : kTimeout;
  if (patience <= 0s) throw std::runtime_error(joined(command) + " was not started: others have hung, and this ends");
  const std::string path = find_program(command.at(0));
  if (path.empty()) throw_not_installed(command[0]);

  const UniqueFd in = file_with(input);
  Pipe out;
  Pipe err;
  const auto began = Clock::now();
  Child child(command, path, in.get(), out.writer.get(), err.writer.get());
  if (child.handle() < 0) throw_errno("cannot watch '" + command[0] + "'");
  out.writer = UniqueFd();
  err.writer = UniqueFd();
  Finished finished;
  switch (wait_for(child, out, err, began + patience, !is_at_the_end, finished)) {
    case Outcome::ended: break;
    case Outcome::late:
      if (is_at_the_end) stop.patience -= (Clock::now() - began).count();
      throw std::runtime_error(joined(command) + " did not end within " + seconds(patience) +
                               " and was killed; try it by hand: the kernel, or the program, hangs");
    case Outcome::stopped: throw std::runtime_error(joined(command) + " was ended, since this process is to end");
    case Outcome::excessive: throw std::runtime_error(joined(command) + " wrote more than 64 MB and was killed");
  }
  finished.exit_code = child.exit_code();
  while (!finished.err.empty() && finished.err.back() == '\n') finished.err.pop_back();
  return finished;
}

void run_program(const std::vector<std::string>& command, const std::string& input) {
  const Finished finished = run_process(command, input);
  if (finished.exit_code == 0) return;
  const std::string said = finished.err.empty() ? finished.out : finished.err;
  throw std::runtime_error(joined(command) + " failed" +
                           (said.empty() ? " with exit code " + std::to_string(finished.exit_code) : ": " + said));
}

std::string output_of(const std::vector<std::string>& command) {
  Finished finished = run_process(command);
  if (finished.exit_code == 0) return std::move(finished.out);
  throw std::runtime_error(joined(command) + " failed: " + finished.err);
}

void stop_programs() noexcept {
  the_stop().is_asked = true;
  ::eventfd_write(the_stop().event.get(), 1);
}

}  // namespace wobble::daemon
