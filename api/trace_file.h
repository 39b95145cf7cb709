// A recorded link in mahimahi's format: a text file of one whole number of milliseconds a line.
#pragma once

#include <string>

#include "api/units.h"

namespace wobble::api {

/// Reads the file at an absolute path: a regular one, of at most kMaxTrace lines. An error names the line, but tells
/// nothing of what stands in it, since whoever asks need not be allowed to read it.
Parsed<TraceSettings> read_trace_file(const std::string& path);

}  // namespace wobble::api
