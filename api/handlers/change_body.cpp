#include "api/handlers/change_body.h"

#include <algorithm>

#include "api/conditions/object_reader.h"
#include "api/conditions/problem.h"
#include "api/conditions/units.h"
#include "api/rows/link_json.h"

namespace wobble::api {

std::optional<Duration> read_lasts(const Json& body, Reading& reading) {
  constexpr Duration kMaxTime = std::chrono::hours(24 * 365);
  if (!body.contains("for") || body.at("for").is_null()) return std::nullopt;
  const Json& value = body.at("for");
  const Parsed<Duration> lasts = value.is_string()   ? parse_duration(value.get<std::string>())
                                 : value.is_number() ? parse_duration(value.dump())
                                                     : Parsed<Duration>{{}, "a time such as \"10m\" is expected"};
  if (!lasts.ok()) {
    reading.push_back({"/for", lasts.error});
  } else if (lasts.value.count() == 0) {
    reading.push_back({"/for", "a change for no time is none: leave \"for\" out to make it stay"});
  } else if (lasts.value > kMaxTime) {
    reading.push_back({"/for", "at most " + print_duration(kMaxTime) + ": leave \"for\" out to make it stay"});
  }
  return lasts.value;
}

void check_other_members(const Json& body, const LinkInfo& present, Reading& reading) {
  constexpr std::string_view kKnown[] = {"up", "down", "both", "scenario", "for"};
  Json others = Json::object();
  for (const auto& [name, value] : body.items()) {
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown)) others[name] = value;
  }
  if (others.empty()) return;
  const Json answer = to_json(present);
  for (const auto& [name, value] : answer.items()) {
    if (!others.contains(name)) continue;
    if (others.at(name) != value) reading.push_back({"/" + name, "cannot be changed: it is " + shown(value)});
    others.erase(name);
  }
  report_unknown(others, kKnown, reading);
}

void refuse_members(const Json& body) {
  Reading reading;
  report_unknown(body, {}, reading);
  if (reading.has_errors()) throw Problem::invalid(reading);
}

}  // namespace wobble::api
