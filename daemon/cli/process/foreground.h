// A command that is run as if we were not there: it is in our process group, so the terminal's keys reach it as they
// would, job control stops and continues both of us, and a shell in it takes the terminal and gives it back. Signals
// that somebody sends to us are sent on to it; those that the terminal sent it has got already.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace wobble::daemon {

/// Runs `command` (searched for in PATH) after `prepare`, both in a child process, and waits for its end. Exit code as
/// a shell has it: 127 not found, 126 not executable, 128 + n killed by signal n. A Failure that `prepare` throws is
/// thrown here; Failure also if the command cannot be executed. For a process without other threads.
int run_in_foreground(const std::vector<std::string>& command, const std::function<void()>& prepare);

}  // namespace wobble::daemon
