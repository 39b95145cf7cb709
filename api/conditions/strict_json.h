// JSON from a stranger: one document, no duplicate names, bounded depth.
#pragma once

#include <string>

#include "api/json.h"

namespace wobble::api {

inline constexpr int kMaxJsonDepth = 16;

/// Throws Problem 400, which says where: line and column for syntax, a pointer for a duplicate or too deep a member.
Json parse_strict_json(const std::string& text);

}  // namespace wobble::api
