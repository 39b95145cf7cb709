// The query of a request for lists, read strictly. `wobble log` reads the words of its command line by the same rules.
#pragma once

#include <map>
#include <span>
#include <string>

#include "api/backend.h"
#include "api/conditions/problem.h"

namespace wobble::api {

/// 400: the query says `wrong` where one of `known` is expected.
Problem unknown_in_query(std::string_view what, std::string_view wrong, std::span<const std::string_view> known);

/// The value of `name`, or null.
const std::string* find(const std::map<std::string, std::string>& query, const char* name);

/// 1 to 1000. Throws Problem 400.
std::uint32_t limit_from(const std::map<std::string, std::string>& query, std::uint32_t otherwise);

/// What GET /api/v1/connections was asked for. Throws Problem 400 that names what is wrong.
ConnectionQuery connection_query(const std::map<std::string, std::string>& query);

}  // namespace wobble::api
