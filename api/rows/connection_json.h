// A connection's JSON. What each figure means: FIGURES.md.
#pragma once

#include <cstdint>
#include <string>

#include "api/backend.h"
#include "api/json.h"

namespace wobble::api {

Json to_json(const ConnectionRow& row);
/// The same row as a flow: of a protocol other than TCP.
Json flow_json(const ConnectionRow& row);

/// "tcp", "udp", "icmp", "icmpv6", or the number.
std::string print_protocol(std::uint8_t protocol);

}  // namespace wobble::api
