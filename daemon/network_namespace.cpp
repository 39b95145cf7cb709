#include "daemon/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>

extern char** environ;

namespace wobble::daemon {
namespace {

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

void run_on_thread(const std::function<void()>& work) {
  std::exception_ptr error;
  std::thread([&] {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

// A nameless file to give a child as input or to take its output: no pipe that could fill.
UniqueFd memory_file(const std::string& content) {
  UniqueFd file(::memfd_create("wobble", MFD_CLOEXEC));
  if (file.get() < 0) fail("memfd_create");
  if (::pwrite(file.get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) fail("pwrite");
  return file;
}

std::string content_of(const UniqueFd& file) {
  std::string text(4096, '\0');
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

NetworkNamespace::NetworkNamespace() {
  run_on_thread([this] {
    if (::unshare(CLONE_NEWNET) < 0) fail("cannot make a network namespace");
    descriptor_ = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (descriptor_.get() < 0) fail("cannot open /proc/thread-self/ns/net");
  });
}

void NetworkNamespace::enter() const {
  if (::setns(descriptor_.get(), CLONE_NEWNET) < 0) fail("cannot enter a network namespace");
}

void NetworkNamespace::run(const std::function<void()>& work) const {
  run_on_thread([&] {
    enter();
    work();
  });
}

std::string NetworkNamespace::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor_.get());
}

void run_program(const std::vector<std::string>& command, const std::string& input) {
  const UniqueFd in = memory_file(input);
  const UniqueFd err = memory_file("");
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.get(), STDERR_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) throw std::runtime_error("'" + command[0] + "' is not installed (Debian: apt install iproute2)");
  if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start '" + command[0] + "'");

  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
  throw std::runtime_error("'" + line + "' failed: " + content_of(err));
}

}  // namespace wobble::daemon
