#include "api/conditions/conditions_json.h"

#include <algorithm>
#include <set>

#include "api/conditions/conditions_check.h"
#include "api/conditions/netem_words.h"
#include "api/conditions/object_reader.h"
#include "api/conditions/settings_table.h"
#include "api/conditions/units.h"

namespace wobble::api {
namespace {

/// The impairments that netem's words name; with errors, none.
Json read_netem(const Json& direction, const std::string& pointer, Reading& errors) {
  const Json& words = direction.at("netem");
  if (!words.is_string()) {
    errors.push_back({pointer + "/netem", "netem's words are expected, such as \"delay 100ms 10ms loss 1%\""});
    return Json::object();
  }
  if (direction.size() > 1) {
    errors.push_back({pointer + "/netem", "\"netem\" stands in place of all other fields: send one or the others"});
  }
  const NetemWords netem = parse_netem_words(split_words(words.get<std::string>()));
  for (const std::string& error : netem.errors) errors.push_back({pointer + "/netem", error});
  return netem.direction;
}

bool is_netem(const Json& direction) { return direction.is_object() && direction.contains("netem"); }

bool says_both(const Json& document) {
  return document.is_object() && document.contains("both") && !document.at("both").is_null();
}

/// Tells what validate() has found, where it was sent: what "both" stands for is found twice, and told once. What is
/// above or below a place that is told already follows from it.
class Findings {
 public:
  Findings(const Json& document, Reading& errors) : document_(document), errors_(errors) {
    for (const FieldError& error : errors.errors()) add_place(error.pointer);
  }

  void tell(const std::vector<FieldError>& found, const std::string& remark) {
    for (const FieldError& error : found) {
      FieldError told{as_it_was_sent(error.pointer), error.detail + remark};
      if (is_known(told.pointer) || !told_.insert(told.pointer + '\n' + told.detail).second) continue;
      errors_.push_back(std::move(told));
    }
  }

  /// validate() knows only "up" and "down", of the link or of a step.
  std::string as_it_was_sent(const std::string& pointer) const {
    std::size_t side = 0;
    const Json* owner = &document_;
    if (pointer.starts_with(kScenario)) {
      side = pointer.find('/', kScenario.size());
      if (side == std::string::npos) return pointer;
      const std::size_t step = std::stoul(pointer.substr(kScenario.size(), side - kScenario.size()));
      if (!document_.contains("scenario") || step >= document_.at("scenario").size()) return pointer;
      owner = &document_.at("scenario").at(step);
    }
    if (!says_both(*owner)) return pointer;
    const std::size_t end = std::min(pointer.find('/', side + 1), pointer.size());
    const std::string name = pointer.substr(side, end - side);
    if (name != "/up" && name != "/down") return pointer;
    return pointer.substr(0, side) + "/both" + pointer.substr(end);
  }

 private:
  void add_place(const std::string& pointer) {
    places_.insert(pointer);
    for (std::size_t at = pointer.rfind('/'); at != std::string::npos && at > 0; at = pointer.rfind('/', at - 1)) {
      above_.insert(pointer.substr(0, at));
    }
  }

  bool is_known(const std::string& pointer) const {
    if (above_.contains(pointer) || places_.contains(pointer)) return true;
    for (std::size_t at = pointer.rfind('/'); at != std::string::npos && at > 0; at = pointer.rfind('/', at - 1)) {
      if (places_.contains(pointer.substr(0, at))) return true;
    }
    return false;
  }

  static constexpr std::string_view kScenario = "/scenario/";
  const Json& document_;
  Reading& errors_;
  std::set<std::string> places_;
  std::set<std::string> above_;  // of what is below them, something is told
  std::set<std::string> told_;
};

/// With more errors than are kept nobody knows what follows from what: then those are enough.
void tell_what_is_invalid(const LinkConditions& conditions, const Json& document, const std::string& remark,
                          Reading& errors) {
  if (errors.is_full()) return;
  Findings findings(document, errors);
  const auto has_exclusion = [&](const std::string& place) {
    return errors.has_exclusion(findings.as_it_was_sent(place));
  };
  findings.tell(validate(conditions, has_exclusion), remark);
}

/// Reads "up" and "down", or "both" once for the two. False if they are there together, which is told.
bool read_sides(const Json& document, LinkConditions& out, Reading& errors) {
  const bool has_both = document.contains("both");
  if (has_both && (document.contains("up") || document.contains("down"))) {
    errors.push_back({"/both", "\"both\" stands in place of \"up\" and \"down\": send one or the other"});
    return false;
  }
  const auto read = [&](const char* name, DirectionConditions& side) {
    if (document.contains(name) && !document.at(name).is_null()) {
      side = read_direction(document.at(name), std::string("/") + name, errors);
    }
  };
  if (has_both) {
    read("both", out.up);
    out.down = out.up;
  } else {
    read("up", out.up);
    read("down", out.down);
  }
  return true;
}

ScenarioStep read_step(const Json& value, const std::string& pointer, Reading& errors) {
  ScenarioStep step;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("for", parse_duration, "15s", step.length);
  if (value.is_object() && !value.contains("for")) {
    reader.error("for", "is missing: how long the step lasts, such as \"15s\"");
  }
  const Json* both = reader.member("both");
  const Json* up = reader.member("up");
  const Json* down = reader.member("down");
  if (both != nullptr && (up != nullptr || down != nullptr)) {
    reader.error("both", "stands in place of \"up\" and \"down\": send one or the other");
  } else if (both != nullptr) {
    step.up = step.down = read_direction(*both, reader.pointer_to("both"), errors);
  } else {
    if (up != nullptr) step.up = read_direction(*up, reader.pointer_to("up"), errors);
    if (down != nullptr) step.down = read_direction(*down, reader.pointer_to("down"), errors);
  }
  reader.finish();
  return step;
}

/// The steps of "scenario"; of none, none.
std::vector<ScenarioStep> read_scenario(const Json& document, Reading& errors) {
  std::vector<ScenarioStep> steps;
  if (!document.contains("scenario") || document.at("scenario").is_null()) return steps;
  const Json& list = document.at("scenario");
  if (!list.is_array()) {
    errors.push_back({"/scenario",
                      "a list of steps is expected, such as "
                      "[{\"for\": \"14s\"}, {\"for\": \"1s\", \"both\": {\"loss\": \"1%\"}}]"});
    return steps;
  }
  for (std::size_t i = 0; i < list.size() && i <= kMaxSteps; ++i) {
    errors.check();
    steps.push_back(read_step(list[i], "/scenario/" + std::to_string(i), errors));
  }
  return steps;
}

/// Reads `value` over `side`: an object merges, as RFC 7396 has it; netem's words replace whole impairments.
void read_over(const Json& value, const std::string& pointer, DirectionConditions& side, Reading& errors) {
  const bool is_words = is_netem(value);
  const Json from_words = is_words ? read_netem(value, pointer, errors) : Json();
  ObjectReader reader(is_words ? from_words : value, is_words ? pointer + "/netem" : pointer, errors);
  for (const Setting& impairment : impairments()) {
    if (const Json* given = reader.member(impairment.name)) {
      if (is_words) reset_setting(impairment, &side);
      read_setting(impairment, *given, reader.pointer_to(impairment.name), &side, errors);
    } else if (value.is_object() && value.contains(std::string(impairment.name))) {
      reset_setting(impairment, &side);
    }
  }
  reader.finish();
}

}  // namespace

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

DirectionConditions read_direction(const Json& value, const std::string& pointer, Reading& errors) {
  DirectionConditions out;
  read_over(value, pointer, out, errors);
  return out;
}

LinkConditions read_conditions(const Json& document, Reading& errors) {
  LinkConditions conditions;
  read_sides(document, conditions, errors);
  conditions.scenario = read_scenario(document, errors);
  tell_what_is_invalid(conditions, document, "", errors);
  return conditions;
}

LinkConditions read_conditions(const Json& document, std::vector<FieldError>& errors) {
  Reading reading;
  LinkConditions conditions = read_conditions(document, reading);
  const std::vector<FieldError> found = reading.listed();
  errors.insert(errors.end(), found.begin(), found.end());
  return conditions;
}

ConditionsPatch::ConditionsPatch(const Json& patch, Reading& reading)
    : patch_(patch), reading_(reading), sides_(Json::object()) {
  LinkConditions ignored;  // what is wrong in the patch itself is told, even if merging would hide it
  if (read_sides(patch, ignored, reading)) {
    for (const char* side : {"up", "down"}) {
      const char* source = patch.contains("both") ? "both" : side;
      if (patch.contains(source)) sides_[side] = patch.at(source);
    }
  }
  scenario_ = read_scenario(patch, reading);
}

DirectionConditions ConditionsPatch::merged_side(const char* name, const DirectionConditions& present) const {
  if (!sides_.contains(name)) return present;
  if (sides_.at(name).is_null()) return {};
  DirectionConditions merged = present;
  read_over(sides_.at(name), std::string("/") + name, merged, reading_);
  return merged;
}

LinkConditions ConditionsPatch::merged_onto(const LinkConditions& present, const std::string& remark) const {
  reading_.check();
  reading_.adopt(present);
  LinkConditions conditions;
  {
    const Reading::Muted muted(reading_);  // the patch's own errors are told already
    conditions.up = merged_side("up", present.up);
    conditions.down = merged_side("down", present.down);
  }
  conditions.scenario = patch_.contains("scenario") ? scenario_ : present.scenario;
  tell_what_is_invalid(conditions, patch_, remark, reading_);
  return conditions;
}

LinkConditions merge_conditions(const LinkConditions& present, const Json& patch, std::vector<FieldError>& errors) {
  Reading reading;
  const ConditionsPatch read(patch, reading);
  LinkConditions conditions = read.merged_onto(present);
  const std::vector<FieldError> found = reading.listed();
  errors.insert(errors.end(), found.begin(), found.end());
  return conditions;
}

}  // namespace wobble::api
