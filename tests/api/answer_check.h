// Holds an answer against the API's own description: that it is described at all, and that its JSON is what its schema
// says, no more and no less.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace wobble::api {

/// One answer of the server.
struct Answer {
  std::string method;
  std::string target;  ///< with its query
  int status = 0;
  std::string type;  ///< Content-Type
  std::string body;
};

/// What is wrong with `answer` by `document` (OpenAPI 3.1); empty: nothing.
std::vector<std::string> differences(const Answer& answer, const nlohmann::json& document);

/// Of one value, by a schema of `document`: the keywords that our schemas use; another one is an error.
std::vector<std::string> differences(const nlohmann::json& value, const nlohmann::json& schema,
                                     const nlohmann::json& document);

}  // namespace wobble::api
