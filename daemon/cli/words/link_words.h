// Conditions for a new link, as options in netem's words.
#pragma once

#include <string>

#include "daemon/cli/words/json.h"

namespace wobble::daemon {

/// Failure (usage) that names the option, --both, --up or --down, and the word in it that is wrong. Empty: not given.
void check_conditions(const std::string& both, const std::string& up, const std::string& down);

/// Into the body of POST /links.
void add_conditions(Json& body, const std::string& both, const std::string& up, const std::string& down);

}  // namespace wobble::daemon
