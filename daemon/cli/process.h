// Running another program without a shell.
#pragma once

#include <string>
#include <vector>

namespace wobble::daemon {

struct Finished {
  int exit_code = 0;  ///< as a shell has it: 127 not found, 126 not executable, 128 + n killed by signal n
  std::string out;
  std::string err;
};

/// Runs `command` (searched for in PATH) with nothing on its standard input and waits for its end.
/// std::system_error if it cannot even be tried.
Finished run_process(const std::vector<std::string>& command);

/// The path that execvp would take for `program`; empty if there is none.
std::string find_program(const std::string& program);

/// Replaces this process by `command`. Comes back only if that fails, with exit code 127 or 126.
int replace_process(const std::vector<std::string>& command);

}  // namespace wobble::daemon
