// A table of jitter in the format of iproute2's *.dist files: whole numbers in 8192ths of the standard deviation, apart
// by white space; lines that begin with # are remarks.
#pragma once

#include <string_view>
#include <vector>

#include "api/conditions/units.h"

namespace wobble::api {

/// 1 to kMaxTable values. An error names the line, but tells nothing of what stands in it.
Parsed<std::vector<std::int16_t>> parse_dist(std::string_view text);

}  // namespace wobble::api
