// Ways in as they are written on a command line.
#pragma once

#include <string>

#include "api/ways_in.h"

namespace wobble::daemon {

/// "localhost:8000" is a loopback, anything else an attach whose target it is. Throws std::invalid_argument.
api::WayInSettings attach_settings(const std::string& words);

/// "eth0:eth1" or "eth0:eth1,masquerade". Throws std::invalid_argument that says how to write it.
api::GatewaySettings gateway_settings(const std::string& words);

}  // namespace wobble::daemon
