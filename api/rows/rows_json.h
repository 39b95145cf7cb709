// What the backend reports → JSON. Shapes are the contract of the API: see openapi.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/backend.h"
#include "api/json.h"

namespace wobble::api {

Json to_json(const TransitionRow& row);
Json to_json(const SegmentRow& row);
Json to_json(const EventRow& row);
Json to_json(const ConditionsRow& row);

/// Rows as the text of their JSON. An event's detail, which may be long, is passed on as it is in the log: as a tree of
/// values it would take ten times its length.
std::string print_json(const EventRow& row);
template <typename Row>
std::string print_json(const Row& row) {
  return to_json(row).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// "SYN,ACK"; "" if none.
std::string print_flags(std::uint16_t flags);

}  // namespace wobble::api
