// What a handler throws when a request cannot be met, and its form on the wire: RFC 9457, every wrong field named.
#pragma once

#include <exception>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/conditions/reading.h"
#include "emulator/conditions/conditions.h"

namespace wobble::api {

struct Problem : std::exception {
  Problem(int http_status, std::string what_is_wrong, std::vector<FieldError> fields = {})
      : status(http_status), detail(std::move(what_is_wrong)), errors(std::move(fields)) {}

  /// 422: `errors`, at least one, pointing into the body.
  static Problem invalid(std::vector<FieldError> errors);
  /// 422: those of `reading`, which has at least one.
  static Problem invalid(const Reading& reading);

  Problem&& with_header(const std::string& name, const std::string& value) && {
    headers[name] = value;
    return std::move(*this);
  }

  const char* what() const noexcept override { return detail.c_str(); }

  int status;
  std::string detail;
  std::vector<FieldError> errors;
  std::map<std::string, std::string> headers;  ///< "Allow", "Retry-After", ...
};

/// {"title", "status", "detail", "errors": [{"pointer", "detail"}], "error": one line}
nlohmann::json to_json(const Problem& problem);

/// RFC 9110's phrase: "Not Found".
const char* status_phrase(int status) noexcept;

}  // namespace wobble::api
