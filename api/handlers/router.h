// From a request's target to a route: segments are compared, no regular expressions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/handlers/routes.h"

namespace wobble::api {

/// Where a path leads.
struct Match {
  const Route* route = nullptr;  ///< null: the method is not allowed there, or the path leads nowhere
  std::vector<std::string> arguments;
  std::string allowed;  ///< "GET, HEAD, PATCH": methods of that path; empty: it leads nowhere
};

/// `path` is raw (percent-encoded), without query. HEAD goes where GET does.
Match find_route(std::string_view method, std::string_view path);

/// The query of `target`, decoded. Throws Problem 400 for a name that is not in `known` (as Route::query), a name that
/// is there twice, or wrong encoding.
std::map<std::string, std::string> parse_query(std::string_view target, std::string_view known);

/// %41 → A; nothing if an escape is broken. `plus_is_space` for queries.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace wobble::api
