// The route table: one page that says what the API is. routes.cpp holds it; openapi.cpp describes it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/http.h"

namespace wobble::api {

class Handlers;

/// One request that passed the guards, on its way to a handler.
struct Call {
  const Request& request;
  std::vector<std::string> arguments;        ///< of the pattern's {}, decoded, in order
  std::map<std::string, std::string> query;  ///< only names that the route knows
  const std::string& body;                   ///< empty: none was sent
};

struct Route {
  std::string_view method;
  std::string_view pattern;  ///< {name} stands for one segment; {file} as the last, for all that follow
  void (Handlers::*handler)(const Call&, Response&);
  std::string_view query;   ///< names of the parameters it takes, with a space between
  std::string_view takes;   ///< schema of the body, in openapi_schemas.cpp; empty: none
  int status;               ///< of success
  std::string_view answer;  ///< schema of the answer; empty: no JSON
  std::string_view summary;
};

std::span<const Route> routes();

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
