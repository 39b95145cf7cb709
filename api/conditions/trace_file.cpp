#include "api/conditions/trace_file.h"

#include <algorithm>
#include <charconv>

namespace wobble::api {
namespace {

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Parsed<std::vector<std::uint32_t>> trace_error(std::size_t line, const char* why) {
  return {{}, "line " + std::to_string(line) + " " + why};
}

}  // namespace

Parsed<std::vector<std::uint32_t>> parse_trace(std::string_view text, const Pause& pause) {
  constexpr std::size_t kLines = 100'000;  // some milliseconds

  Parsed<std::vector<std::uint32_t>> out;
  std::vector<std::uint32_t>& moments = out.value;
  // As large as it will be: it lives long, and to grow it would take it twice.
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  moments.reserve(std::min(lines + !text.ends_with('\n'), kMaxTrace));
  for (std::size_t number = 1; !text.empty(); ++number) {
    if (pause && number % kLines == 0) pause();
    const std::string_view line = take_line(text);
    std::uint32_t ms = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), ms);
    if (error != std::errc{} || end != line.data() + line.size()) {
      return trace_error(number, "is not a whole number of milliseconds");
    }
    if (!moments.empty() && ms < moments.back()) return trace_error(number, "goes back in time");
    if (moments.size() == kMaxTrace) return trace_error(number, "is one too many: at most 4000000 are taken");
    moments.push_back(ms);
  }
  if (moments.empty()) return {{}, "is empty: one number of milliseconds a line is expected"};
  if (moments.back() == 0) return {{}, "lasts for no time: its last line is above 0"};
  return out;
}

}  // namespace wobble::api
