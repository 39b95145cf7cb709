// One request that passed the guards, on its way to a handler, and how a handler reads it. What cannot be read is
// thrown as Problem.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/conditions/reading.h"
#include "api/http/http.h"
#include "api/json.h"

namespace wobble::api {

struct Call {
  const Request& request;
  std::vector<std::string> arguments;        ///< of the pattern's {}, decoded, in order
  std::map<std::string, std::string> query;  ///< only names that the route knows
};

/// The body as a JSON object; {} if there is none and `may_be_absent`. Throws Problem 400.
Json body_object(const Call& call, bool may_be_absent);

/// A number in a path, query or field. Throws Problem: `status` if it is none.
std::uint64_t number_from(const std::string& text, int status, const std::string& what);

/// Whether nobody waits for the call's answer any more; empty: that cannot be known. Every reading asks it.
Reading::Question is_given_up(const Call& call);

}  // namespace wobble::api
