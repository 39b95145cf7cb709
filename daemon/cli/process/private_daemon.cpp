#include "daemon/cli/process/private_daemon.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <thread>

#include "daemon/cli/words/failure.h"
#include "daemon/system/program.h"
#include "emulator/throw_errno.h"

namespace wobble::daemon {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kStart = 10s;
constexpr auto kEnd = 10s;

std::string daemon_program() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto beside = self.parent_path() / "wobbled";
  if (!error && access(beside.c_str(), X_OK) == 0) return beside;
  const std::string found = find_program("wobbled");
  if (!found.empty()) return found;
  throw Failure(kExitUnreachable, "no daemon runs, and no 'wobbled' is beside this program or in PATH to start one");
}

[[noreturn]] void become(const std::string& program, const std::string& log, int out, int err, pid_t parent) {
  setsid();  // the terminal's keys are for the command
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(kExitNotExecutable);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) {
    _exit(kExitNotExecutable);
  }
  std::signal(SIGPIPE, SIG_DFL);
  const char* const words[] = {program.c_str(), "--listen", "127.0.0.1:0", "--db",
                               log.c_str(),     "--socket", "none",        nullptr};
  execve(program.c_str(), const_cast<char* const*>(words), environment_of_programs());
  _exit(kExitNotExecutable);
}

/// The URL in "wobbled: URL"; empty if the daemon ends, or says nothing for too long.
std::string read_url(int output) {
  std::string said;
  const auto deadline = Clock::now() + kStart;
  while (said.find('\n') == std::string::npos) {
    pollfd ready{output, POLLIN, 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0 || poll(&ready, 1, static_cast<int>(left)) == 0) return "";
    std::array<char, 512> buffer{};
    const ssize_t n = read(output, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return "";
    said.append(buffer.data(), static_cast<std::size_t>(n));
  }
  const auto at = said.find("http://");
  if (at == std::string::npos) return "";
  std::string url = said.substr(at, said.find('\n', at) - at);
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

std::string content_of(int file) {
  std::string text(4096, '\0');
  const ssize_t n = pread(file, text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

PrivateDaemon::PrivateDaemon(const std::string& log) {
  const std::string program = daemon_program();
  start(program, log);
  url_ = read_url(output_);
  if (!url_.empty()) return;
  const std::string said = content_of(errors_);
  stop();
  throw Failure(kExitUnreachable, said.empty() ? "'" + program + "' does not start" : said);
}

PrivateDaemon::~PrivateDaemon() { stop(); }

void PrivateDaemon::start(const std::string& program, const std::string& log) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw_errno("pipe");
  output_ = ends[0];
  errors_ = memfd_create("wobbled", MFD_CLOEXEC);
  const pid_t parent = getpid();
  process_ = errors_ < 0 ? -1 : fork();
  const int error = errno;
  if (process_ == 0) become(program, log, ends[1], errors_, parent);
  close(ends[1]);
  if (process_ > 0) return;
  stop();
  errno = error;
  throw_errno("cannot start wobbled");
}

void PrivateDaemon::stop() noexcept {
  if (process_ > 0) {
    kill(process_, SIGTERM);
    const auto deadline = Clock::now() + kEnd;
    while (waitpid(process_, nullptr, WNOHANG) == 0) {
      if (Clock::now() >= deadline) kill(process_, SIGKILL);
      std::this_thread::sleep_for(5ms);
    }
  }
  process_ = -1;
  for (int* descriptor : {&output_, &errors_}) {
    if (*descriptor >= 0) close(*descriptor);
    *descriptor = -1;
  }
}

}  // namespace wobble::daemon
