// What a dead daemon may have left in the network namespace we are in, recognised by its marks (daemon/marks.h).
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/json.h"

namespace wobble::daemon {

struct Leftover {
  std::string kind;  ///< "rule", "route", "device", "namespace", or "local rule" for one that must be put back
  std::string what;  ///< for a person: "IPv4 rule 7912: iif eth0 lookup 7901"
  std::vector<std::string> mend;  ///< the command that removes it, in the order in which they must run
};

/// Everything found, in the order in which it is to be removed. Failure if `ip` is missing or fails.
std::vector<Leftover> find_leftovers();

/// Failure with the command and its message if one does not work.
void remove_leftover(const Leftover& leftover);

/// What follows is pure, on the JSON of `ip -N -json`. `family` is "-4" or "-6".
std::vector<Leftover> leftover_rules(const Json& rules, const std::string& family);
std::vector<Leftover> leftover_routes(const Json& routes, const std::string& family);
std::vector<Leftover> leftover_devices(const Json& links);
/// `is_alive` says whether a process with that id exists.
std::vector<Leftover> leftover_namespaces(const Json& namespaces, bool (*is_alive)(int pid));

}  // namespace wobble::daemon
