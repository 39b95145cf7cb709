#include "api/handlers/call.h"

#include <charconv>

#include "api/conditions/problem.h"
#include "api/conditions/strict_json.h"

namespace wobble::api {

Json body_object(const Call& call, bool may_be_absent) {
  if (call.request.body.empty()) {
    if (may_be_absent) return Json::object();
    throw Problem(400, "A body is needed: a JSON object.");
  }
  Json body = parse_strict_json(call.request.body);
  if (!body.is_object()) throw Problem(400, "The body is not a JSON object.", {{"", "an object is expected here"}});
  return body;
}

std::uint64_t number_from(const std::string& text, int status, const std::string& what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    throw Problem(status, what + " is a whole number, not \"" + text.substr(0, 40) + "\".");
  }
  return value;
}

Reading::Question is_given_up(const Call& call) { return call.request.is_gone; }

}  // namespace wobble::api
