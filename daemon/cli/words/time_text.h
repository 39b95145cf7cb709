// Moments and spans as people read and write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/time_text.h"

namespace wobble::daemon {

using api::parse_time, api::print_time;
/// In the local time zone: "09:05:57.123", before it the date unless that is `now`'s.
std::string human_time(std::int64_t nanoseconds, std::int64_t now);
/// The wall clock.
std::int64_t wall_clock();

/// "10m", "1.5s", "250ms", "2h", "3d": nanoseconds, as the API spells a span. Nothing if it is none.
std::optional<std::int64_t> parse_span(std::string_view span);

}  // namespace wobble::daemon
