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

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/conditions.h"

namespace wobble::api {

using Json = nlohmann::json;

/// {} if nothing is asked.
Json to_json(const DirectionConditions& conditions);
/// {"up": {...}, "down": {...}}, and "scenario": [{"for": "1s", "up": {...}}, ...] if there is one.
Json to_json(const LinkConditions& conditions);

/// An object of impairments and nothing else.
DirectionConditions read_direction(const Json& value, const std::string& pointer, std::vector<FieldError>& errors);

/// The members "up", "down", "both", "scenario" of `document`, others are not looked at; what is absent is default. All
/// errors, those of validate() included, are appended to `errors`; if there are any, the answer means nothing.
LinkConditions read_conditions(const Json& document, std::vector<FieldError>& errors);

/// As RFC 7396 merges `patch` ("up", "down", "both", "scenario") onto `present`, and reads the result. null is back to
/// default; a shorthand or netem's words replace the whole impairment (as the RFC has it for what is no object); to
/// name one loss model, or one kind of outage, takes back the other.
LinkConditions merge_conditions(const LinkConditions& present, const Json& patch, std::vector<FieldError>& errors);

/// A name as one token of a JSON pointer (RFC 6901 3).
std::string pointer_token(std::string_view name);

}  // namespace wobble::api
