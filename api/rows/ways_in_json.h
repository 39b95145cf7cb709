// Ways in ↔ JSON, strictly, as conditions_json.h.
#pragma once

#include <vector>

#include "api/conditions/reading.h"
#include "api/json.h"
#include "api/ways_in.h"

namespace wobble::api {

/// {"kind": "attach", its settings, "state": "up", "detail": "..."}
Json to_json(const WayInInfo& way_in);

/// The body of POST /api/v1/links: what it says of the link and its way in. The members of a change ("up", "down",
/// "both", "netem", "for") are left to the caller. Every error is appended to `errors`.
NewLink read_new_link(const Json& body, Reading& errors);

/// Whether `name` can name a link: 1 to 64 of letters, digits, '.', '_', '-', the first a letter or digit.
bool is_link_name(const std::string& name) noexcept;

}  // namespace wobble::api
