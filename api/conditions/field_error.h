#pragma once

#include <string>

namespace wobble::api {

/// One thing that is wrong: where (a JSON pointer, RFC 6901, "/up/delay/jitter") and what.
struct FieldError {
  std::string pointer;
  std::string detail;
  bool operator==(const FieldError&) const = default;
};

}  // namespace wobble::api
