#include "daemon/cli/process/process.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "daemon/cli/words/failure.h"

namespace wobble::daemon {
namespace {

std::vector<char*> arguments(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));  // execvp does not write
  argv.push_back(nullptr);
  return argv;
}

int code_for_failed_exec(int error) { return error == ENOENT ? kExitNotFound : kExitNotExecutable; }

}  // namespace

int replace_process(const std::vector<std::string>& command) {
  std::signal(SIGPIPE, SIG_DFL);  // ignored signals are inherited, and the command expects to be told
  const std::vector<char*> argv = arguments(command);
  execvp(argv[0], argv.data());
  return code_for_failed_exec(errno);
}

}  // namespace wobble::daemon
