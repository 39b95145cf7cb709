// An impairment written as its main quantity alone, "80ms" in place of {"time": "80ms"}.
#pragma once

#include "api/conditions/conditions_json.h"
#include "api/conditions/object_reader.h"

namespace wobble::api {

/// An impairment written as its main quantity alone. True if it was (rightly or wrongly).
template <typename T>
bool read_shorthand(const Json& value, const std::string& pointer, Parsed<T> (*parse)(std::string_view),
                    const char* example, T& out, Reading& errors) {
  if (value.is_object()) return false;
  const Parsed<std::string> text = quantity_text(value, example);
  const Parsed<T> parsed = text.ok() ? parse(text.value) : Parsed<T>{{}, text.error};
  if (parsed.ok()) {
    out = parsed.value;
  } else {
    errors.push_back({pointer, parsed.error});
  }
  return true;
}

}  // namespace wobble::api
