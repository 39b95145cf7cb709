// What `wobble run` says at the end: the connections and how each ended, and what the link dropped.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/words/json.h"

namespace wobble::daemon {

/// Lines for a person, from the API's list of connections and the link's statistics.
std::vector<std::string> run_summary(const Json& connections, const Json& stats);

/// Is any of these connections between two states that last: opening or closing?
bool is_settling(const Json& connections);

}  // namespace wobble::daemon
