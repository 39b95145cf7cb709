// One line of `wobble doctor`.
#pragma once

#include <string>
#include <vector>

namespace wobble::daemon {

struct Check {
  std::string name;
  bool ok = true;
  std::string detail;
  std::string mend;  ///< the command that mends it; empty if ok
};

/// What attach, loopback, run and gateway need of the network namespace we are in.
std::vector<Check> check_ways_in();

}  // namespace wobble::daemon
