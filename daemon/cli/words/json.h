// Reading JSON that somebody else wrote: no shape of it makes us throw, and text is clean before anybody sees it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace wobble::daemon {

/// Ordered, so that what is printed has the API's own order.
using Json = nlohmann::ordered_json;

/// The member `key`, or null where there is none or `object` is no object.
const Json& field(const Json& object, std::string_view key);
const Json& field(Json&& object, std::string_view key) = delete;  // it would not live as long as the answer

/// As clean() has it for a string, empty for null, its JSON for anything else.
std::string text(const Json& value);
std::string text(const Json& object, std::string_view key);

/// A finite number, or nothing.
std::optional<double> number(const Json& object, std::string_view key);
/// A whole number from 0, or 0.
std::uint64_t count(const Json& object, std::string_view key);

bool is_true(const Json& object, std::string_view key);

/// The elements of an array; of anything else, none.
const Json& items(const Json& object, std::string_view key = "items");
const Json& items(Json&& object, std::string_view key = "items") = delete;

/// `value` as JSON that is safe on a terminal: DEL and C1 controls are escaped like the C0 ones.
/// `indent` as in nlohmann's dump(): -1 for one line.
std::string print_json(const Json& value, int indent);

}  // namespace wobble::daemon
