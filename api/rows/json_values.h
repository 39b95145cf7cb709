// Values that several answers spell alike.
#pragma once

#include <optional>

#include "api/backend.h"
#include "api/json.h"

namespace wobble::api {

inline double in_milliseconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

inline Json or_null(const std::optional<WallTime>& time) { return time ? Json(print_time(*time)) : Json(); }

/// An endpoint of which nothing is known yet is closed as far as anybody can tell.
inline const char* state_name(TcpState state) { return to_string(state == TcpState::none ? TcpState::closed : state); }

}  // namespace wobble::api
