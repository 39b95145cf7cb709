// Events and transitions as lines.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/cli/words/json.h"
#include "daemon/cli/words/terminal.h"

namespace wobble::daemon {

/// "10.77.0.1:40112", "[fd77::1]:40112"; without the port where the protocol has none.
std::string endpoint_text(const Json& endpoint);
std::string endpoint_text(const std::string& address, std::uint64_t port);  ///< 0: the protocol has none

/// "SYN,ACK seq=1 ack=2 len=0", and what we did to it unless it was just forwarded: "dropped: loss".
std::string segment_text(const Json& segment);

/// One line without its end: time, id, kind, text.
std::string event_line(const Json& event, std::int64_t now, const Paint& paint);

/// red for what went wrong, green for ESTABLISHED, plain otherwise.
Colour state_colour(const std::string& state);

}  // namespace wobble::daemon
