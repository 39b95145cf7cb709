#include "api/conditions/conditions_json.h"
#include "api/conditions/settings_table.h"
#include "api/conditions/units.h"
#include "api/cut_text.h"

namespace wobble::api {

Json to_json(const DirectionConditions& conditions) {
  Json out = Json::object();
  for (const Setting& impairment : impairments()) {
    if (Json value = write_setting(impairment, &conditions); !value.is_null()) {
      out[std::string(impairment.name)] = std::move(value);
    }
  }
  return out;
}

Json to_json(const LinkConditions& conditions) {
  Json out = {{"up", to_json(conditions.up)}, {"down", to_json(conditions.down)}};
  for (const ScenarioStep& step : conditions.scenario) {
    Json one = {{"for", print_duration(step.length)}};
    if (step.up) one["up"] = to_json(*step.up);
    if (step.down) one["down"] = to_json(*step.down);
    out["scenario"].push_back(std::move(one));
  }
  return out;
}

std::string pointer_token(std::string_view name) {
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
