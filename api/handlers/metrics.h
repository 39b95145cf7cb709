// Prometheus' text format 0.0.4: base units, counters end in _total, few labels, never one per connection.
#pragma once

#include <string>
#include <string_view>

#include "api/backend.h"

namespace wobble::api {

/// All figures of all links and the journal. A link that does not answer in time is left out.
std::string print_metrics(Backend& backend, unsigned live_streams);

/// A label's value with \, " and line breaks escaped.
std::string escape_label(std::string_view value);

}  // namespace wobble::api
