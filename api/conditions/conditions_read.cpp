#include <algorithm>
#include <set>

#include "api/conditions/bottleneck_json.h"
#include "api/conditions/conditions_json.h"
#include "api/conditions/impairments_read.h"
#include "api/conditions/netem_words.h"
#include "api/conditions/object_reader.h"
#include "api/conditions/units.h"
#include "api/nearest_name.h"

namespace wobble::api {
namespace {

using Errors = Reading;

template <typename Settings>
void read_member(ObjectReader& reader, const char* name, Settings& out, Errors& errors) {
  if (const Json* value = reader.member(name)) read_impairment(*value, reader.pointer_to(name), out, errors);
}

/// The impairments that netem's words name; with errors, none.
Json read_netem(const Json& direction, const std::string& pointer, Errors& errors) {
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
  Findings(const Json& document, Errors& errors) : document_(document), errors_(errors) {
    for (const FieldError& error : errors.errors()) add_place(error.pointer);
  }

  void tell(const std::vector<FieldError>& found, const std::string& remark) {
    for (const FieldError& error : found) {
      FieldError told{as_it_was_sent(error.pointer), error.detail + remark};
      if (is_known(told.pointer) || !told_.insert(told.pointer + '\n' + told.detail).second) continue;
      errors_.push_back(std::move(told));
    }
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

  static constexpr std::string_view kScenario = "/scenario/";
  const Json& document_;
  Errors& errors_;
  std::set<std::string> places_;
  std::set<std::string> above_;  // of what is below them, something is told
  std::set<std::string> told_;
};

/// With more errors than are kept nobody knows what follows from what: then those are enough.
void tell_what_is_invalid(const LinkConditions& conditions, const Json& document, const std::string& remark,
                          Errors& errors) {
  if (errors.is_full()) return;
  Findings(document, errors).tell(validate(conditions), remark);
}

/// Reads "up" and "down", or "both" once for the two. False if they are there together, which is told.
bool read_sides(const Json& document, LinkConditions& out, Errors& errors) {
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

ScenarioStep read_step(const Json& value, const std::string& pointer, Errors& errors) {
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
std::vector<ScenarioStep> read_scenario(const Json& document, Errors& errors) {
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

/// To name one model of loss takes back the others, and what belongs to them.
void take_back_other_models(const Json& patch, Json& target) {
  const auto is_named = [&](const char* name) { return patch.contains(name) && !patch.at(name).is_null(); };
  if (std::none_of(std::begin(kLossModels), std::end(kLossModels), is_named)) return;
  for (const char* model : kLossModels) {
    if (!patch.contains(model)) target.erase(model);
  }
  if (!is_named("random") && !patch.contains("correlation")) target.erase("correlation");
}

/// To name another discipline takes back the parameters of the one before.
void take_back_parameters(const Json& patch, Json& target) {
  const auto discipline_of = [](const Json& queue) {
    const Json name = queue.value("discipline", Json());
    return name.is_null() ? Json("droptail") : name;
  };
  if (!patch.contains("discipline") || discipline_of(patch) == discipline_of(target)) return;
  Json kept = Json::object();
  if (target.contains("limit")) kept["limit"] = target.at("limit");
  target = std::move(kept);
}

/// To name one of several settings that exclude each other takes back the others.
void take_back_the_other(const std::string& impairment, const Json& patch, Json& target) {
  const auto names = [&](const char* name) { return patch.contains(name) && !patch.at(name).is_null(); };
  if (impairment == "loss") {
    take_back_other_models(patch, target);
  } else if (impairment == "delay") {
    if (names("distribution")) target.erase("distribution");  // a table does not mix with what was before
  } else if (impairment == "trace") {
    target = Json::object();
  } else if (impairment == "queue") {
    take_back_parameters(patch, target);
  } else if (impairment == "slot") {
    const bool names_even = names("min") || names("max"), names_drawn = names("delay") || names("jitter");
    for (const char* name : {"delay", "jitter", "distribution"}) {
      if (names_even && !patch.contains(name)) target.erase(name);
    }
    for (const char* name : {"min", "max"}) {
      if ((names_drawn || names("distribution")) && !patch.contains(name)) target.erase(name);
    }
    if (names("distribution")) target.erase("distribution");
  } else if (impairment == "outage") {
    const bool turns_on = names("on") && patch.at("on") == true;
    if (turns_on && !patch.contains("up_for") && !patch.contains("down_for")) {
      target.erase("up_for");
      target.erase("down_for");
    }
    if ((names("up_for") || names("down_for")) && !patch.contains("on")) target.erase("on");
  }
}

void merge_direction(Json& target, const Json& patch, Errors& errors) {
  if (patch.is_null()) {
    target = Json::object();
  } else if (is_netem(patch)) {
    target.update(read_netem(patch, "", errors));
  } else if (patch.is_object()) {
    for (const auto& [impairment, value] : patch.items()) {
      if (impairment == "rate" && value.is_object() && target.contains("rate") && target.at("rate").is_string()) {
        target["rate"] = {{"rate", target.at("rate")}};  // as it would be written if it had more to say
      }
      if (value.is_object() && target.contains(impairment) && target.at(impairment).is_object()) {
        take_back_the_other(impairment, value, target.at(impairment));
      }
    }
    target.merge_patch(patch);
  }
}

}  // namespace

DirectionConditions read_direction(const Json& value, const std::string& pointer, Errors& errors) {
  DirectionConditions out;
  if (is_netem(value)) {
    const Json direction = read_netem(value, pointer, errors);
    return read_direction(direction, pointer + "/netem", errors);
  }
  ObjectReader reader(value, pointer, errors);
  read_member(reader, "delay", out.delay, errors);
  read_member(reader, "loss", out.loss, errors);
  read_member(reader, "duplicate", out.duplicate, errors);
  read_member(reader, "corrupt", out.corrupt, errors);
  read_member(reader, "reorder", out.reorder, errors);
  read_member(reader, "rate", out.rate, errors);
  read_member(reader, "queue", out.queue, errors);
  read_member(reader, "outage", out.outage, errors);
  read_member(reader, "trace", out.trace, errors);
  read_member(reader, "slot", out.slot, errors);
  read_member(reader, "mtu", out.mtu, errors);
  read_member(reader, "idle_timeout", out.idle_timeout, errors);
  reader.finish();
  return out;
}

LinkConditions read_conditions(const Json& document, Errors& errors) {
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
  Json merged = to_json(present);
  merge_direction(merged, sides_.at(name), reading_);
  return read_direction(merged, std::string("/") + name, reading_);
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
