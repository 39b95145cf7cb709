// Values that several answers spell alike.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "api/rows/rows_json.h"

namespace wobble::api {

inline double in_milliseconds(Duration d) { return static_cast<double>(d.count()) / 1e6; }

inline nlohmann::json or_null(const std::optional<WallTime>& time) {
  return time ? nlohmann::json(print_time(*time)) : nlohmann::json();
}

/// An endpoint of which nothing is known yet is closed as far as anybody can tell.
inline const char* state_name(TcpState state) { return to_string(state == TcpState::none ? TcpState::closed : state); }

}  // namespace wobble::api
