// Text for people: clean, aligned, with units a person reads at a glance.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wobble::daemon {

/// Why packets are dropped, as the API names it.
inline constexpr const char* kDropReasons[] = {"loss",   "outage", "queue", "memory",      "malformed",
                                               "device", "aqm",    "mtu",   "idle_timeout"};

/// `raw` without anything that a terminal would obey: C0 and C1 controls, DEL, bidirectional overrides and bytes that
/// are no UTF-8 become U+FFFD; line ends and tabs become a space.
std::string clean(std::string_view raw);

/// Columns on a terminal: one for each code point. Clean text without wide or combining characters, as ours is.
std::size_t columns(std::string_view clean_text);

/// Padded with spaces to `width` columns; longer text stays as it is.
std::string pad_right(std::string_view clean_text, std::size_t width);
std::string pad_left(std::string_view clean_text, std::size_t width);
/// At most `width` columns, the last one an ellipsis ("…", or "~" in ASCII) if something was cut off.
std::string clip(std::string_view clean_text, std::size_t width, bool ascii = false);
/// `unit` repeated.
std::string repeat(std::string_view unit, std::size_t times);

/// "350 us", "80.1 ms", "1.25 s", "3 min 12 s"; three figures or so.
std::string human_ms(double milliseconds);
/// "12 s", "3 min 12 s", "2 h 5 min", "3 d 4 h"; below 10 s as human_ms.
std::string human_age(std::int64_t nanoseconds);
/// "0 bit/s", "850 bit/s", "1.20 Mbit/s".
std::string human_rate(double bits_per_second);
/// "512 B", "4.5 kB", "1.20 GB": powers of 1000.
std::string human_bytes(std::uint64_t bytes);
/// "0 %", "1.98 %", "0.0031 %".
std::string human_percent(double percent);

}  // namespace wobble::daemon
