// JSON from a stranger: one document, no duplicate names, bounded depth.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace wobble::api {

inline constexpr int kMaxJsonDepth = 16;

/// Throws Problem 400, which says where: line and column for syntax, a pointer for a duplicate or too deep a member.
nlohmann::json parse_strict_json(const std::string& text);

}  // namespace wobble::api
