// The kinds of events, in one place. The page's list (web/api.js) is held to this one by tests/structure.
#pragma once

#include <string_view>

namespace wobble::api {

inline constexpr std::string_view kEventKinds[] = {
    "daemon_started",  "daemon_stopped", "conditions",       "connection_opened", "connection_closed",
    "annotation",      "events_lost",    "transition",       "link_added",        "link_removed",
    "way_in",          "link_started",   "memory_exhausted",
    "half_open_flood",  // HalfOpenFlood: its detail says which "phase"
    "clock_stepped",    // its detail says by how much, "by_ms", and how long the machine "slept_ms"
};

}  // namespace wobble::api
