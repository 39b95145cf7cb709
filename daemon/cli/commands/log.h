// What `wobble log` shares with other commands.
#pragma once

#include <string>

namespace wobble::daemon {

/// RFC 9293 writes FIN-WAIT-1, ss writes fin-wait-1, the API FIN_WAIT_1: the last of them.
std::string state_word(std::string state);

}  // namespace wobble::daemon
