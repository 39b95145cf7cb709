// What the backend reports → JSON. Shapes are the contract of the API: see openapi.cpp.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/backend.h"

namespace wobble::api {

nlohmann::json to_json(const LinkInfo& link);
nlohmann::json to_json(const ConnectionRow& row);
/// The same row as a flow: of a protocol other than TCP.
nlohmann::json flow_json(const ConnectionRow& row);
nlohmann::json to_json(const TransitionRow& row);
nlohmann::json to_json(const SegmentRow& row);
nlohmann::json to_json(const EventRow& row);
nlohmann::json to_json(const ConditionsRow& row);

/// Rows as the text of their JSON. An event's detail, which may be long, is passed on as it is in the log: as a tree of
/// values it would take ten times its length.
std::string print_json(const EventRow& row);
template <typename Row>
std::string print_json(const Row& row) {
  return to_json(row).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// `asked` is the link's present conditions; `at` and `changed_at` are the stats' moments by the wall clock.
/// `step_ends` counts while the link has a scenario.
nlohmann::json to_json(const LinkStats& stats, const LinkInfo& asked, WallTime at, WallTime changed_at,
                       WallTime step_ends);

/// "SYN,ACK"; "" if none.
std::string print_flags(std::uint16_t flags);
/// "tcp", "udp", "icmp", "icmpv6", or the number.
std::string print_protocol(std::uint8_t protocol);

}  // namespace wobble::api
