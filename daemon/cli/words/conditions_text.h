// A direction's conditions in the words with which they are set.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/words/json.h"

namespace wobble::daemon {

/// One entry for each impairment, in netem's order: "delay 80ms 10ms normal", "loss 2%", "rate 5mbit". Empty: none.
/// `conditions` is the API's object for one direction; fields that this program does not know are shown as JSON.
std::vector<std::string> describe_conditions(const Json& conditions);
/// One line for each step of a link's scenario: "1 of 2, 14s: as above", "2 of 2, 1s: both loss 1%".
std::vector<std::string> describe_scenario(const Json& link);

}  // namespace wobble::daemon
