// Conditions ↔ JSON, strictly. What is written is sparse and canonical: what is at its default is absent, every
// quantity is a string with its unit. What is read may be shorter:
//
//   "delay": "80ms"   "loss": "2%"   "duplicate": "1%"   "corrupt": "1%"   "reorder": "5%"   "outage": true
//   "both": {...} in place of "up" and "down"      {"netem": "delay 100ms 10ms loss 1%"} in place of a direction
//
// A step of a scenario says in full what a direction suffers for its time, in place of the link's own; a direction that
// it does not name keeps those. `reorder` without `by` moves a packet behind 3 others. Every error is reported, with a
// JSON pointer into what was sent; an unknown name with the nearest known one.
#pragma once

#include <string>
#include <vector>

#include "api/conditions/field_error.h"
#include "api/conditions/reading.h"
#include "api/json.h"
#include "emulator/conditions/conditions.h"

namespace wobble::api {

/// {} if nothing is asked.
Json to_json(const DirectionConditions& conditions);
/// {"up": {...}, "down": {...}}, and "scenario": [{"for": "1s", "up": {...}}, ...] if there is one.
Json to_json(const LinkConditions& conditions);

/// An object of impairments and nothing else.
DirectionConditions read_direction(const Json& value, const std::string& pointer, Reading& reading);

/// The members "up", "down", "both", "scenario" of `document`, others are not looked at; what is absent is default. All
/// errors, those of validate() included, are told to `reading`; if there are any, the answer means nothing.
LinkConditions read_conditions(const Json& document, Reading& reading);
/// The same with a reading of its own, whose errors, as it lists them, are appended.
LinkConditions read_conditions(const Json& document, std::vector<FieldError>& errors);

/// A patch ("up", "down", "both", "scenario"), which is read once, and then can be merged onto any conditions, as RFC
/// 7396 has it. null is back to default; a shorthand or netem's words replace the whole impairment (as the RFC has it
/// for what is no object); to name one loss model, or one kind of outage, takes back the other.
class ConditionsPatch {
 public:
  /// What is wrong in the patch itself is told to `reading`. Both outlive this; the patch does not change.
  ConditionsPatch(const Json& patch, Reading& reading);
  /// What is wrong only together with `present` is told to the reading, each with `remark` behind it. Once there are
  /// errors the answer means nothing.
  LinkConditions merged_onto(const LinkConditions& present, const std::string& remark = "") const;

 private:
  DirectionConditions merged_side(const char* name, const DirectionConditions& present) const;

  const Json& patch_;
  Reading& reading_;
  Json sides_;  // "up" and "down", each as it was sent, or as "both" was
  std::vector<ScenarioStep> scenario_;
};

/// Both at once, with a reading of its own, whose errors, as it lists them, are appended.
LinkConditions merge_conditions(const LinkConditions& present, const Json& patch, std::vector<FieldError>& errors);

}  // namespace wobble::api
