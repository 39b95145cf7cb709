#include "daemon/cli/words/text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace wobble::daemon {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 1;
  bool valid = false;
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
CodePoint decode(std::string_view s) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || s.size() < length) return {};
  std::uint32_t value = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (at(i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {};
  return {value, length, true};
}

bool is_obeyed_by_terminals(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029;
}

// Three significant figures, but never fewer digits than the whole part has, and no idle zeros behind whole numbers.
std::string three_figures(double value) {
  char buffer[40];
  const double size = std::fabs(value);
  const int decimals = size == std::floor(size) && size < 1000 ? 0 : size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  return buffer;
}

struct Unit {
  double size;
  const char* name;
};

template <std::size_t N>
std::string with_unit(double value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (std::fabs(value) >= unit.size * 0.9995) return three_figures(value / unit.size) + " " + unit.name;
  }
  return three_figures(value) + " " + units.back().name;
}

std::string two_units(std::int64_t seconds, std::int64_t big, const char* big_name, std::int64_t small,
                      const char* small_name) {
  std::string out = std::to_string(seconds / big) + " " + big_name;
  if (const std::int64_t rest = seconds % big / small; rest > 0)
    out.append(" ").append(std::to_string(rest)).append(" ").append(small_name);
  return out;
}

}  // namespace

std::string clean(std::string_view raw) {
  std::string out;
  out.reserve(raw.size());
  while (!raw.empty()) {
    const CodePoint c = decode(raw);
    if (c.valid && (c.value == '\n' || c.value == '\t' || c.value == '\r')) {
      out += ' ';
    } else if (!c.valid || is_obeyed_by_terminals(c.value)) {
      out += kReplacement;
    } else {
      out += raw.substr(0, c.length);
    }
    raw.remove_prefix(c.length);
  }
  return out;
}

std::size_t columns(std::string_view clean_text) {
  std::size_t n = 0;
  for (const char c : clean_text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return n;
}

std::string pad_right(std::string_view clean_text, std::size_t width) {
  const std::size_t n = columns(clean_text);
  return std::string(clean_text) + std::string(n < width ? width - n : 0, ' ');
}

std::string pad_left(std::string_view clean_text, std::size_t width) {
  const std::size_t n = columns(clean_text);
  return std::string(n < width ? width - n : 0, ' ') + std::string(clean_text);
}

std::string clip(std::string_view clean_text, std::size_t width, bool ascii) {
  if (columns(clean_text) <= width) return std::string(clean_text);
  if (width == 0) return "";
  std::size_t end = 0;
  for (std::size_t n = 0; end < clean_text.size(); ++end) {
    if ((static_cast<unsigned char>(clean_text[end]) & 0xc0) != 0x80 && ++n == width) break;
  }
  return std::string(clean_text.substr(0, end)) + (ascii ? "~" : "…");
}

std::string repeat(std::string_view unit, std::size_t times) {
  std::string out;
  out.reserve(unit.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += unit;
  return out;
}

std::string human_ms(double milliseconds) {
  if (std::fabs(milliseconds) >= 59'999.5) return human_age(static_cast<std::int64_t>(milliseconds * 1e6));
  if (milliseconds == 0) return "0 ms";
  constexpr std::array<Unit, 3> kUnits = {{{1000, "s"}, {1, "ms"}, {0.001, "us"}}};
  if (std::fabs(milliseconds) < 0.001) return three_figures(milliseconds * 1000) + " us";
  return with_unit(milliseconds, kUnits);
}

std::string human_age(std::int64_t nanoseconds) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 3600;
  constexpr std::int64_t kDay = 86'400;
  if (nanoseconds < 0) nanoseconds = 0;
  if (nanoseconds < 10 * kSecond) return human_ms(static_cast<double>(nanoseconds) / 1e6);
  const std::int64_t seconds = nanoseconds / kSecond;
  if (seconds < kMinute) return std::to_string(seconds) + " s";
  if (seconds < kHour) return two_units(seconds, kMinute, "min", 1, "s");
  if (seconds < kDay) return two_units(seconds, kHour, "h", kMinute, "min");
  return two_units(seconds, kDay, "d", kHour, "h");
}

std::string human_rate(double bits_per_second) {
  constexpr std::array<Unit, 4> kUnits = {{{1e9, "Gbit/s"}, {1e6, "Mbit/s"}, {1e3, "kbit/s"}, {1, "bit/s"}}};
  return bits_per_second < 0.5 ? "0 bit/s" : with_unit(bits_per_second, kUnits);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<Unit, 5> kUnits = {{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}, {1, "B"}}};
  return bytes == 0 ? "0 B" : with_unit(static_cast<double>(bytes), kUnits);
}

std::string human_percent(double percent) {
  char buffer[40];
  std::snprintf(buffer, sizeof buffer, percent != 0 && std::fabs(percent) < 0.1 ? "%.2g %%" : "%.3g %%", percent);
  return buffer;
}

}  // namespace wobble::daemon
