#include "daemon/network_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
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
  struct stat about {};
  std::string text(::fstat(file.get(), &about) == 0 ? static_cast<std::size_t>(about.st_size) : 0, '\0');
  const ssize_t n = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

std::string without_last_newlines(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void run_with(const std::vector<std::string>& command, const UniqueFd& in, const UniqueFd& out, const UniqueFd& err) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.get(), STDERR_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) {
    const std::string package = command[0] == "nft" ? "nftables" : "iproute2";
    throw std::runtime_error("'" + command[0] + "' is not installed (Debian: apt install " + package + ")");
  }
  if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start '" + command[0] + "'");

  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  std::string line;
  for (const std::string& word : command) line += (line.empty() ? "" : " ") + word;
  throw std::runtime_error("'" + line + "' failed: " + without_last_newlines(content_of(err)));
}

}  // namespace

NetworkNamespace::NetworkNamespace() {
  run_on_thread([this] {
    if (::unshare(CLONE_NEWNET) < 0) fail("cannot make a network namespace");
    descriptor_ = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (descriptor_.get() < 0) fail("cannot open /proc/thread-self/ns/net");
  });
}

NetworkNamespace::NetworkNamespace(UniqueFd descriptor) : descriptor_(std::move(descriptor)) {}

NetworkNamespace NetworkNamespace::own() {
  NetworkNamespace netns(UniqueFd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)));
  if (netns.descriptor_.get() < 0) fail("cannot open /proc/self/ns/net");
  netns.is_own_ = true;
  return netns;
}

NetworkNamespace NetworkNamespace::open(const std::string& path) {
  // Non-blocking: the path comes from outside, and to open a FIFO would wait.
  NetworkNamespace netns(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)));
  if (netns.descriptor_.get() < 0) fail("cannot open " + path);
  const int kind = ::ioctl(netns.descriptor_.get(), NS_GET_NSTYPE);
  if (kind != CLONE_NEWNET) {
    throw std::system_error(EINVAL, std::generic_category(), path + " is no network namespace");
  }
  netns.is_own_ = netns.inode() == own().inode();
  return netns;
}

ino_t NetworkNamespace::inode() const {
  struct stat about {};
  if (::fstat(descriptor_.get(), &about) < 0) fail("cannot look at a network namespace");
  return about.st_ino;
}

void NetworkNamespace::enter() const {
  if (is_own_) return;
  if (::setns(descriptor_.get(), CLONE_NEWNET) < 0) fail("cannot enter a network namespace");
}

void NetworkNamespace::run(const std::function<void()>& work) const {
  if (is_own_) return work();
  run_on_thread([&] {
    enter();
    work();
  });
}

std::string NetworkNamespace::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor_.get());
}

void run_program(const std::vector<std::string>& command, const std::string& input) {
  const UniqueFd err = memory_file("");
  run_with(command, memory_file(input), err, err);
}

std::string output_of(const std::vector<std::string>& command) {
  const UniqueFd out = memory_file("");
  run_with(command, memory_file(""), out, memory_file(""));
  return content_of(out);
}

}  // namespace wobble::daemon
