// Reads the members of one JSON object, strictly: each reading function takes one member by name if it is there, and
// finish() reports those that nobody asked for. Errors are collected, never thrown.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/conditions/reading.h"
#include "api/conditions/units.h"
#include "api/json.h"

namespace wobble::api {

class ObjectReader {
 public:
  /// `pointer` is that of `object`, which outlives the reader. What is not an object is an error, and empty.
  ObjectReader(const Json& object, std::string pointer, Reading& errors);

  /// The member, or null if it is absent or JSON's null (which means: default).
  const Json* member(std::string_view name);

  /// Leaves `out` alone if the member is absent. False if it is absent or wrong.
  bool flag(std::string_view name, bool& out);
  bool integer(std::string_view name, std::uint32_t& out);
  /// `parse` is one of units.h; 0 may be written as a number.
  template <typename T>
  bool quantity(std::string_view name, Parsed<T> (*parse)(std::string_view), const char* example, T& out);

  void error(std::string_view name, std::string detail);
  const std::string& pointer() const noexcept { return pointer_; }
  std::string pointer_to(std::string_view name) const;
  void finish();

 private:
  static const Json& empty_object();
  const Json& object_;
  std::string pointer_;
  Reading& errors_;
  std::vector<std::string_view> known_;
};

/// A whole number of 32 bits; an error, and nothing, if it is none.
std::optional<std::uint32_t> read_count(const Json& value, const std::string& pointer, Reading& reading);

/// A value as an error shows it: short.
std::string shown(const Json& value);

/// Reports the members of `object` that are not among `known`.
void report_unknown(const Json& object, std::span<const std::string_view> known, Reading& errors);

/// A quantity's text, or an error that says what is expected. A bare number comes as its digits, for the parser to
/// ask for the unit.
Parsed<std::string> quantity_text(const Json& value, std::string_view example);

template <typename T>
bool ObjectReader::quantity(std::string_view name, Parsed<T> (*parse)(std::string_view), const char* example, T& out) {
  const Json* value = member(name);
  if (value == nullptr) return false;
  const Parsed<std::string> text = quantity_text(*value, example);
  Parsed<T> parsed;
  if (text.ok()) {
    parsed = parse(text.value);
  } else {
    parsed.error = text.error;
  }
  if (!parsed.ok()) {
    error(name, parsed.error);
    return false;
  }
  out = parsed.value;
  return true;
}

}  // namespace wobble::api
