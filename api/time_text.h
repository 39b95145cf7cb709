// A moment as text: RFC 3339.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wobble::api {

/// Nanoseconds since the Unix epoch, UTC.
using WallTime = std::int64_t;

/// RFC 3339, UTC, nine digits: "2026-11-22T09:05:57.123456789Z".
std::string print_time(WallTime time);
/// RFC 3339 with any fraction up to nine digits, Z or an offset; nothing if it is not.
std::optional<WallTime> parse_time(std::string_view text);

}  // namespace wobble::api
