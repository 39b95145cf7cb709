#include "tests/cli/run_wobble.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace wobble::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kAtMost{20};

struct Ends {
  int reader = -1;
  int writer = -1;
};

Ends make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {ends[0], ends[1]};
}

Ends make_output(Output output) {
  if (output == Output::terminal) {
    Ends ends;
    winsize size{24, 100, 0, 0};
    if (openpty(&ends.reader, &ends.writer, nullptr, nullptr, &size) != 0) throw std::runtime_error("openpty");
    for (const int end : {ends.reader, ends.writer}) fcntl(end, F_SETFD, FD_CLOEXEC);
    return ends;
  }
  if (output == Output::full_disk) return {-1, open("/dev/full", O_WRONLY | O_CLOEXEC)};
  Ends ends = make_pipe();
  if (output == Output::closed_pipe) {
    close(ends.reader);
    ends.reader = -1;
  }
  return ends;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> array;
  array.reserve(strings.size() + 1);
  for (std::string& s : strings) array.push_back(s.data());
  array.push_back(nullptr);
  return array;
}

// posix_spawn and not fork: this process has threads, and one of them may hold the allocator's lock at any moment. The
// child of a fork could then not allocate, for ever.
pid_t spawn(std::vector<std::string>& words, std::vector<std::string>& variables, int out, int err) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
  sigset_t as_usual;
  sigemptyset(&as_usual);
  sigaddset(&as_usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &as_usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = -1;
  const int error =
      posix_spawn(&child, WOBBLE_BINARY, &files, &attributes, pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start " WOBBLE_BINARY);
  return child;
}

// What is not in the bounding set does not come back with execve, not even for root (capabilities(7)). The set is a
// thread's own, and its children's.
pid_t spawn_without(int capability, std::vector<std::string>& words, std::vector<std::string>& variables, int out,
                    int err) {
  if (capability < 0) return spawn(words, variables, out, err);
  pid_t child = -1;
  std::thread([&] {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) child = spawn(words, variables, out, err);
  }).join();
  if (child < 0) throw std::runtime_error("a capability cannot be dropped");
  return child;
}

// Until both are closed. The child is ended when that takes too long.
void read_all(pid_t child, Ends out, Ends err, Ran& ran) {
  const auto deadline = Clock::now() + kAtMost;
  pollfd fds[2] = {{out.reader, POLLIN, 0}, {err.reader, POLLIN, 0}};
  std::string* into[2] = {&ran.out, &ran.err};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      kill(child, SIGALRM);
      for (pollfd& fd : fds) {
        if (fd.fd >= 0) close(fd.fd);
      }
      return;
    }
    const int ready = poll(fds, 2, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) throw std::runtime_error("poll");
    if (ready <= 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t n = read(fds[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        into[i]->append(buffer, static_cast<std::size_t>(n));
      } else {
        close(fds[i].fd);  // a terminal whose last user has gone says EIO
        fds[i].fd = -1;
      }
    }
  }
}

}  // namespace

Ran run_wobble(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
               Output output, Without without) {
  std::vector<std::string> words = {"wobble"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::map<std::string, std::string> all = environment;
  all.insert({{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"TZ", "UTC"}, {"LC_ALL", "C.UTF-8"}});
  std::vector<std::string> variables;
  variables.reserve(all.size());
  for (const auto& [name, value] : all) variables.emplace_back(name).append("=").append(value);
  const Ends out = make_output(output);
  const Ends err = output == Output::terminal ? Ends{-1, out.writer} : make_pipe();
  const pid_t child = spawn_without(without.capability, words, variables, out.writer, err.writer);
  close(out.writer);
  if (err.writer != out.writer) close(err.writer);
  Ran ran;
  read_all(child, out, err, ran);
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid");
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

namespace {

bool enter_own_namespaces() {
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return false;
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  if (mount("none", "/run", "tmpfs", 0, nullptr) != 0) return false;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
  if (fd >= 0) close(fd);
  return up;
}

}  // namespace

bool in_own_namespaces(const std::function<void()>& work) {
  bool entered = false;
  std::thread thread([&] {
    entered = enter_own_namespaces();
    if (entered) work();
  });
  thread.join();
  return entered;
}

}  // namespace wobble::test
