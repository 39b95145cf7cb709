#include <algorithm>

#include "api/bottleneck_json.h"
#include "api/conditions_json.h"
#include "api/impairments_read.h"
#include "api/nearest_name.h"
#include "api/netem_words.h"
#include "api/object_reader.h"
#include "api/units.h"

namespace wobble::api {
namespace {

using Errors = std::vector<FieldError>;

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

/// What is read of "up" and "down" when "both" was sent is reported once, and where it was sent.
void report_as_both(Errors& errors, const std::string& above = "") {
  Errors out;
  for (FieldError& error : errors) {
    for (const char* name : {"/up", "/down"}) {
      const std::string side = above + name;
      if (error.pointer == side || error.pointer.starts_with(side + "/")) {
        error.pointer = above + "/both" + error.pointer.substr(side.size());
      }
    }
    if (std::find(out.begin(), out.end(), error) == out.end()) out.push_back(std::move(error));
  }
  errors = std::move(out);
}

/// `pointer` or something above or below it is already reported.
bool is_reported(const Errors& errors, const std::string& pointer) {
  return std::any_of(errors.begin(), errors.end(), [&](const FieldError& e) {
    return e.pointer == pointer || e.pointer.starts_with(pointer + "/") || pointer.starts_with(e.pointer + "/");
  });
}

void append_unreported(Errors& errors, const Errors& more) {
  for (const FieldError& error : more) {
    if (!is_reported(errors, error.pointer)) errors.push_back(error);
  }
}

bool has_both(const Json& document) { return document.contains("both") && !document.at("both").is_null(); }

/// {"up", "down"} from a document that may say "both". Nothing else is looked at.
Json spread(const Json& document, Errors& errors) {
  Json out = Json::object();
  if (document.contains("both") && (document.contains("up") || document.contains("down"))) {
    errors.push_back({"/both", "\"both\" stands in place of \"up\" and \"down\": send one or the other"});
    return out;
  }
  for (const char* side : {"up", "down"}) {
    const char* source = document.contains("both") ? "both" : side;
    if (document.contains(source)) out[side] = document.at(source);
  }
  return out;
}

LinkConditions read_spread(const Json& sides, Errors& errors) {
  LinkConditions out;
  if (sides.contains("up") && !sides.at("up").is_null()) out.up = read_direction(sides.at("up"), "/up", errors);
  if (sides.contains("down") && !sides.at("down").is_null()) {
    out.down = read_direction(sides.at("down"), "/down", errors);
  }
  return out;
}

ScenarioStep read_step(const Json& value, const std::string& pointer, Errors& errors) {
  ScenarioStep step;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("for", parse_duration, "15s", step.length);
  if (value.is_object() && !value.contains("for")) {
    reader.error("for", "is missing: how long the step lasts, such as \"15s\"");
  }
  const Json* both = reader.member("both");
  for (const auto& [name, side] : {std::pair{"up", &step.up}, {"down", &step.down}}) {
    const Json* own = reader.member(name);
    if (own != nullptr && both != nullptr) {
      reader.error("both", "stands in place of \"up\" and \"down\": send one or the other");
    } else if (const Json* given = both != nullptr ? both : own; given != nullptr) {
      *side = read_direction(*given, reader.pointer_to(name), errors);
    }
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
    steps.push_back(read_step(list[i], "/scenario/" + std::to_string(i), errors));
  }
  return steps;
}

/// In the steps that say "both", errors are reported there.
void report_steps_as_both(const Json& document, Errors& errors) {
  if (!document.contains("scenario") || !document.at("scenario").is_array()) return;
  const Json& list = document.at("scenario");
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_object() && has_both(list[i])) report_as_both(errors, "/scenario/" + std::to_string(i));
  }
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

/// Of a trace that the patch does not name, the numbers are those that are in use, whatever became of its file.
void keep_trace(const Json& sides, const char* side, const TraceSettings& present, TraceSettings& merged) {
  const bool is_named = sides.contains(side) && sides.at(side).is_object() && sides.at(side).contains("trace");
  if (!is_named && merged.file == present.file && !present.file.empty()) merged = present;
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
  Errors found;
  LinkConditions conditions = read_spread(spread(document, found), found);
  conditions.scenario = read_scenario(document, found);
  append_unreported(found, validate(conditions));
  if (has_both(document)) report_as_both(found);
  report_steps_as_both(document, found);
  errors.insert(errors.end(), found.begin(), found.end());
  return conditions;
}

LinkConditions merge_conditions(const LinkConditions& present, const Json& patch, Errors& errors) {
  Errors found;
  const Json sides = spread(patch, found);
  read_spread(sides, found);  // for what is wrong in the patch itself, even if merging would hide it
  Json merged = to_json(present);
  Errors repeated;
  for (const auto& [side, value] : sides.items()) merge_direction(merged.at(side), value, repeated);
  LinkConditions conditions = read_spread(merged, repeated);
  keep_trace(sides, "up", present.up.trace, conditions.up.trace);
  keep_trace(sides, "down", present.down.trace, conditions.down.trace);
  conditions.scenario = patch.contains("scenario") ? read_scenario(patch, found) : present.scenario;
  append_unreported(found, validate(conditions));
  if (has_both(patch)) report_as_both(found);
  report_steps_as_both(patch, found);
  errors.insert(errors.end(), found.begin(), found.end());
  return conditions;
}

}  // namespace wobble::api
