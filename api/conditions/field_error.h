#pragma once

#include <string>
#include <string_view>

#include "api/cut_text.h"

namespace wobble::api {

/// One thing that is wrong: where (a JSON pointer, RFC 6901, "/up/delay/jitter") and what.
struct FieldError {
  std::string pointer;
  std::string detail;
  bool operator==(const FieldError&) const = default;
};

/// A name as one token of a JSON pointer (RFC 6901 3); of a longer name, its first 64 bytes.
inline std::string pointer_token(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  std::string out;
  for (const char c : cut_text(name, kLongest)) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace wobble::api
