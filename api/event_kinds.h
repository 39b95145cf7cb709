// The kinds of events, in one place. The page's list (web/api.js) is held to this one by tests/structure.
#pragma once

#include <string_view>

namespace wobble::api {

inline constexpr std::string_view kEventKinds[] = {
    "daemon_started",  "daemon_stopped", "conditions",       "connection_opened", "connection_closed",
    "annotation",      "events_lost",    "transition",       "link_added",        "link_removed",
    "way_in",          "link_started",   "memory_exhausted",
    "half_open_flood",  // HalfOpenFlood: its detail says which "phase"
    "one_sided_flood",  // the same, of packets that belong to no connection
    "log_interrupted",  // the file could not be written for a while: "since", "reason"
    "log_renewed",    // something had happened to the file: its detail says what, and how many "connections" were lost
    "log_held_up",    // a foreign reader makes the write-ahead log grow, or does so no more ("is_over")
    "clock_stepped",  // its detail says by how much, "by_ms", and how long the machine "slept_ms"
};

}  // namespace wobble::api
