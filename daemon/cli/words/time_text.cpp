// The part of text.h that is about moments and spans.
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>

#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// Takes exactly `digits` digits off the front.
std::optional<int> take_digits(std::string_view& s, std::size_t digits) {
  int value = 0;
  if (s.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(s.data(), s.data() + digits, value);
  if (error != std::errc() || end != s.data() + digits || s[0] == '-') return std::nullopt;
  s.remove_prefix(digits);
  return value;
}

bool take(std::string_view& s, char c) {
  if (s.empty() || s[0] != c) return false;
  s.remove_prefix(1);
  return true;
}

std::int64_t take_fraction(std::string_view& s) {
  std::int64_t nanoseconds = 0;
  std::int64_t unit = kSecond / 10;
  while (!s.empty() && s[0] >= '0' && s[0] <= '9') {
    nanoseconds += (s[0] - '0') * unit;
    unit /= 10;
    s.remove_prefix(1);
  }
  return nanoseconds;
}

/// "Z", "+02:00": seconds east of UTC.
std::optional<int> take_offset(std::string_view& s) {
  if (take(s, 'Z') || take(s, 'z')) return 0;
  const int sign = take(s, '+') ? 1 : take(s, '-') ? -1 : 0;
  const auto hours = sign == 0 ? std::nullopt : take_digits(s, 2);
  if (!hours || !take(s, ':')) return std::nullopt;
  const auto minutes = take_digits(s, 2);
  if (!minutes) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

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

std::optional<std::int64_t> parse_time(std::string_view rfc3339) {
  std::string_view s = rfc3339;
  std::tm tm{};
  const std::array<std::pair<std::size_t, char>, 6> parts = {
      {{4, '-'}, {2, '-'}, {2, 'T'}, {2, ':'}, {2, ':'}, {2, '\0'}}};
  std::array<int, 6> values{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto value = take_digits(s, parts[i].first);
    if (!value) return std::nullopt;
    values[i] = *value;
    if (parts[i].second != '\0' && !take(s, parts[i].second)) return std::nullopt;
  }
  if (values[1] < 1 || values[1] > 12 || values[2] < 1 || values[2] > 31 || values[3] > 23 || values[4] > 59 ||
      values[5] > 60 || values[0] < 1678 || values[0] > 2261) {
    return std::nullopt;
  }
  tm.tm_year = values[0] - 1900;
  tm.tm_mon = values[1] - 1;
  tm.tm_mday = values[2];
  tm.tm_hour = values[3];
  tm.tm_min = values[4];
  tm.tm_sec = values[5];
  const std::int64_t fraction = take(s, '.') ? take_fraction(s) : 0;
  const auto offset = take_offset(s);
  if (!offset || !s.empty()) return std::nullopt;
  return (static_cast<std::int64_t>(timegm(&tm)) - *offset) * kSecond + fraction;
}

std::string format_time(std::int64_t nanoseconds) {
  const auto [seconds, rest] = split(nanoseconds);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char date[40];
  std::strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  char out[64];
  std::snprintf(out, sizeof out, "%s.%09ldZ", date, rest);
  return out;
}

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
