#include "daemon/cli/words/time_text.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace wobble::daemon {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Seconds and the nanoseconds above them, for moments before 1970 too.
std::pair<std::time_t, long> split(std::int64_t nanoseconds) {
  std::int64_t seconds = nanoseconds / kSecond;
  std::int64_t rest = nanoseconds % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  return {static_cast<std::time_t>(seconds), static_cast<long>(rest)};
}

}  // namespace

std::string human_time(std::int64_t nanoseconds, std::int64_t now) {
  const auto [seconds, rest] = split(nanoseconds);
  const std::time_t today_seconds = split(now).first;
  std::tm tm{};
  std::tm today{};
  localtime_r(&seconds, &tm);
  localtime_r(&today_seconds, &today);
  const bool same_day = tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year;
  char date[40];
  std::strftime(date, sizeof date, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
  char out[64];
  std::snprintf(out, sizeof out, "%s.%03ld", date, rest / 1'000'000);
  return out;
}

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::optional<std::int64_t> parse_span(std::string_view span) {
  double value = 0;
  const auto [end, error] = std::from_chars(span.data(), span.data() + span.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !(value >= 0)) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(span.data() + span.size() - end));
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  constexpr std::array<Unit, 7> kUnits = {
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 24 * 3600e9}}};
  for (const Unit& known : kUnits) {
    const double nanoseconds = value * known.nanoseconds;
    if (unit == known.name && nanoseconds < 9e18) return static_cast<std::int64_t>(std::llround(nanoseconds));
  }
  return std::nullopt;
}

}  // namespace wobble::daemon
