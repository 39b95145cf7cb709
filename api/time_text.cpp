// RFC 3339, by days from civil (proleptic Gregorian) and back; no time zone database, no locale.
#include "api/time_text.h"

#include <array>
#include <chrono>
#include <cstdio>

namespace wobble::api {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

/// Reads exactly `count` digits at `at`; -1 if they are not there.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// The fraction at the front of `rest`, in nanoseconds, taken off; nothing if there are no or too many digits.
std::optional<std::int64_t> take_fraction(std::string_view& rest) {
  if (rest.empty() || rest[0] != '.') return 0;
  std::int64_t value = 0;
  std::size_t n = 1;
  for (; n < rest.size() && rest[n] >= '0' && rest[n] <= '9'; ++n) {
    if (n > 9) return std::nullopt;
    value = value * 10 + (rest[n] - '0');
  }
  if (n == 1) return std::nullopt;
  for (std::size_t i = n; i <= 9; ++i) value *= 10;
  rest.remove_prefix(n);
  return value;
}

/// "Z" or "+hh:mm", in seconds.
std::optional<std::int64_t> read_offset(std::string_view rest) {
  if (rest == "Z" || rest == "z") return 0;
  if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':') return std::nullopt;
  const int hours = digits(rest, 1, 2);
  const int minutes = digits(rest, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::int64_t seconds = hours * 3600 + minutes * 60;
  return rest[0] == '-' ? -seconds : seconds;
}

}  // namespace

std::string print_time(WallTime time) {
  using namespace std::chrono;
  const sys_time<nanoseconds> at{nanoseconds(time)};
  const auto day = floor<days>(at);
  const year_month_day date{day};
  const hh_mm_ss<nanoseconds> clock{at - day};
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%09dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return out.data();
}

std::optional<WallTime> parse_time(std::string_view text) {
  using namespace std::chrono;
  const int y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
  const int h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
  if (y < 1970 || y > 2200 || mo < 0 || d < 0 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60)
    return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  if (!date.ok()) return std::nullopt;
  std::string_view rest = text.substr(19);
  const auto fraction = take_fraction(rest);
  if (!fraction) return std::nullopt;
  const auto offset = read_offset(rest);
  if (!offset) return std::nullopt;
  const std::int64_t day_seconds = sys_days(date).time_since_epoch().count() * std::int64_t{86'400};
  return (day_seconds + h * 3600 + mi * 60 + s - *offset) * kSecond + *fraction;
}

}  // namespace wobble::api
