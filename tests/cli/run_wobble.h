// The binary `wobble`, run as a person runs it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace wobble::test {

struct Ran {
  int exit_code = -1;  ///< 128 + n if signal n ended it
  std::string out;
  std::string err;  ///< empty with Output::terminal: it is in `out`
};

enum class Output { pipe, terminal, closed_pipe, full_disk };

/// A capability that the command shall not have (CAP_...), or none.
struct Without {
  int capability = -1;
};

/// In an environment that holds PATH, TZ=UTC, LC_ALL=C.UTF-8 and `environment` only. SIGALRM ends what hangs for 20 s.
/// On a terminal, 100 columns wide, its line ends arrive as "\r\n".
Ran run_wobble(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment = {},
               Output output = Output::pipe, Without without = {});

/// Calls `work` on a thread of its own, in a network namespace (loopback is up) and a mount namespace (with an empty
/// /run) of its own, which vanish with it. Commands that `work` runs are in there too. False: that takes root.
bool in_own_namespaces(const std::function<void()>& work);

}  // namespace wobble::test
