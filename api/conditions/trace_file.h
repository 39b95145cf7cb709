// A recorded link in mahimahi's format: text of one whole number of milliseconds a line.
#pragma once

#include <string_view>

#include "api/conditions/units.h"
#include "api/given_up.h"

namespace wobble::api {

/// 1 to kMaxTrace lines. An error names the line, but tells nothing of what stands in it.
Parsed<std::vector<std::uint32_t>> parse_trace(std::string_view text, const Pause& pause = {});

}  // namespace wobble::api
