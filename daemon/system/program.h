// Programs of this machine that we start: `ip`, `nft`, a wobbled of one command's own. This is the only place that does
// so, except for the command of a person, which is theirs.
//
// A program may hang, for one because somebody in the kernel holds a lock. So each has a time limit, after which it and
// what it has started are killed; stop_programs() ends those that run at once. Every function may be called from any
// thread; a program runs in the network namespace of the thread that starts it.
#pragma once

#include <string>
#include <vector>

namespace wobble::daemon {

/// The path of a program in PATH; empty if there is none. Where the kernel has given this process rights that whoever
/// started it lacks (set-uid, or a file with capabilities: AT_SECURE in getauxval(3)), PATH is not asked, since it is
/// theirs: only the system's own folders are searched.
std::string find_program(const std::string& name);

/// The environment for a program: ours, or, with AT_SECURE, an empty one.
char* const* environment_of_programs() noexcept;

struct Finished {
  int exit_code = 0;  ///< 128 + n: killed by signal n
  std::string out;
  std::string err;
};

/// Runs a program without a shell, with `input` on its standard input, and waits for its end: at most ten seconds.
/// Throws std::runtime_error, which says what mends it, if the program is not installed, does not end in time, is ended
/// by stop_programs(), or writes more than 64 MB; std::system_error if it cannot be started.
Finished run_process(const std::vector<std::string>& command, const std::string& input = {});

/// As run_process(); throws std::runtime_error, with the command and its standard error, unless it exits with 0.
void run_program(const std::vector<std::string>& command, const std::string& input);
/// As run_program(), and returns what it wrote to standard output.
std::string output_of(const std::vector<std::string>& command);

/// For the end of this process: ends the programs that run now. Those that are started later, to take down what
/// stands, may hang for two seconds, all together; then no more are started.
void stop_programs() noexcept;

}  // namespace wobble::daemon
