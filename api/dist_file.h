// A table of jitter in the format of iproute2's *.dist files: whole numbers in 8192ths of the standard deviation, apart
// by white space; lines that begin with # are remarks.
#pragma once

#include <string>
#include <vector>

#include "api/units.h"

namespace wobble::api {

/// The table in `text`; an error names the line.
Parsed<std::vector<std::int16_t>> parse_dist(std::string_view text);

/// The table in the file at `path`, which is absolute and an ordinary file of at most 1 MiB. Errors tell nothing of
/// what a file that is no table holds.
Parsed<std::vector<std::int16_t>> read_dist_file(const std::string& path);

}  // namespace wobble::api
