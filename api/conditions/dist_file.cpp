#include "api/conditions/dist_file.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace wobble::api {
namespace {

constexpr std::string_view kSpace = " \t\r";

using Table = std::vector<std::int16_t>;

/// Appends the numbers of one line; false if it is made of anything else.
bool append_line(std::string_view line, Table& out) {
  std::size_t at = 0;
  while ((at = line.find_first_not_of(kSpace, at)) != std::string_view::npos) {
    const std::size_t end = std::min(line.find_first_of(kSpace, at), line.size());
    std::int16_t value = 0;
    const auto [stop, error] = std::from_chars(line.data() + at, line.data() + end, value);
    if (error != std::errc{} || stop != line.data() + end) return false;
    out.push_back(value);
    at = end;
  }
  return true;
}

Parsed<Table> dist_error(std::size_t line, const char* why) {
  return {{}, "line " + std::to_string(line) + ": " + why};
}

}  // namespace

Parsed<Table> parse_dist(std::string_view text) {
  Table table;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.starts_with('#')) continue;
    if (!append_line(line, table)) return dist_error(number, "whole numbers from -32768 to 32767 are expected");
    if (table.size() > kMaxTable) return dist_error(number, "more than 16384 values");
  }
  if (table.empty()) return {{}, "there is no number in it"};
  return {std::move(table), {}};
}

}  // namespace wobble::api
