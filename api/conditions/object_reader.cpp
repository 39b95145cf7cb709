#include "api/conditions/object_reader.h"

#include <algorithm>
#include <limits>

#include "api/nearest_name.h"

namespace wobble::api {
namespace {

void report_unknown_below(const std::string& pointer, const Json& object, std::span<const std::string_view> known,
                          Reading& errors) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    errors.check();
    if (errors.is_full()) {
      errors.count_one();
    } else {
      errors.push_back({pointer + "/" + pointer_token(name), unknown_name("field", name, known)});
    }
  }
}

}  // namespace

std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  return text;
}

std::optional<std::uint32_t> read_count(const Json& value, const std::string& pointer, Reading& reading) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (!value.is_number_integer()) {
    reading.push_back({pointer, "a whole number is expected, not " + shown(value)});
  } else if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMost) {
    reading.push_back({pointer, shown(value) + " is out of range"});
  } else {
    return value.get<std::uint32_t>();
  }
  return std::nullopt;
}

const Json& ObjectReader::empty_object() {
  static const Json empty = Json::object();
  return empty;
}

ObjectReader::ObjectReader(const Json& object, std::string pointer, Reading& errors)
    : object_(object.is_object() ? object : empty_object()), pointer_(std::move(pointer)), errors_(errors) {
  if (!object.is_object()) errors_.push_back({pointer_, "an object is expected here, not " + shown(object)});
}

const Json* ObjectReader::member(std::string_view name) {
  known_.push_back(name);
  const auto found = object_.find(std::string(name));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

bool ObjectReader::flag(std::string_view name, bool& out) {
  const Json* value = member(name);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    error(name, "true or false is expected, not " + shown(*value));
    return false;
  }
  out = value->get<bool>();
  return true;
}

bool ObjectReader::integer(std::string_view name, std::uint32_t& out) {
  const Json* value = member(name);
  if (value == nullptr) return false;
  const std::optional<std::uint32_t> read = read_count(*value, pointer_to(name), errors_);
  if (read) out = *read;
  return read.has_value();
}

void ObjectReader::error(std::string_view name, std::string detail) {
  errors_.push_back({pointer_to(name), std::move(detail)});
}

std::string ObjectReader::pointer_to(std::string_view name) const { return pointer_ + "/" + pointer_token(name); }

void ObjectReader::finish() { report_unknown_below(pointer_, object_, known_, errors_); }

void report_unknown(const Json& object, std::span<const std::string_view> known, Reading& errors) {
  report_unknown_below("", object, known, errors);
}

Parsed<std::string> quantity_text(const Json& value, std::string_view example) {
  if (value.is_string()) return {value.get<std::string>(), {}};
  if (value.is_number()) {
    std::string digits = value.dump();
    if (value.is_number_float() && digits.ends_with(".0")) digits.resize(digits.size() - 2);
    return {digits, {}};
  }
  return {{}, "a string such as \"" + std::string(example) + "\" is expected, not " + shown(value)};
}

}  // namespace wobble::api
