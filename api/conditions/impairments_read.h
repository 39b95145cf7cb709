// The settings of each impairment from JSON: a shorthand, or an object whose members are the settings. What is absent
// stays as it is in `out`; every error is appended, with its JSON pointer below `pointer`. Ranges, and what excludes
// what, are validate()'s to check.
#pragma once

#include "api/conditions/conditions_json.h"

namespace wobble::api {

/// The members of "loss" of which at most one is given.
inline constexpr const char* kLossModels[] = {"random", "burst", "gilbert_elliott", "markov",
                                              "every",  "list",  "pattern"};

void read_impairment(const Json& value, const std::string& pointer, DelaySettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, LossSettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, DuplicateSettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, CorruptSettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, ReorderSettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, OutageSettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, SlotSettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, MtuSettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, IdleTimeoutSettings& out, Reading& errors);

}  // namespace wobble::api
