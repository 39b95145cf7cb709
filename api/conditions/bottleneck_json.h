// The bottleneck's settings, rate, trace and queue, from JSON (as impairments_read.h has it) and back.
#pragma once

#include "api/conditions/conditions_json.h"

namespace wobble::api {

void read_impairment(const Json& value, const std::string& pointer, RateSettings& out, Reading& errors);
/// A file is read here and now.
void read_impairment(const Json& value, const std::string& pointer, TraceSettings& out, Reading& errors);
void read_impairment(const Json& value, const std::string& pointer, QueueSettings& out, Reading& errors);

/// The rate alone, "5mbit", if nothing else is asked.
Json write(const RateSettings& settings);
Json write(const TraceSettings& settings);
Json write(const QueueSettings& settings);

inline constexpr std::string_view kDisciplines[] = {"droptail", "drophead", "codel", "pie", "red", "fq_codel"};

}  // namespace wobble::api
