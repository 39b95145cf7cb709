#include "api/dist_file.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>

#include "api/asked_file.h"

namespace wobble::api {
namespace {

constexpr std::string_view kSpace = " \t\r";
constexpr std::size_t kMaxFile = std::size_t{1} << 20;

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

Parsed<Table> refuse(const std::string& path, const std::string& why) { return {{}, path + ": " + why}; }

}  // namespace

Parsed<Table> parse_dist(std::string_view text) {
  Table table;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const std::string where = "line " + std::to_string(number) + ": ";
    if (line.starts_with('#')) continue;
    if (!append_line(line, table)) return {{}, where + "whole numbers from -32768 to 32767 are expected"};
    if (table.size() > kMaxTable) return {{}, where + "more than 16384 values"};
  }
  if (table.empty()) return {{}, "there is no number in it"};
  return {std::move(table), {}};
}

Parsed<Table> read_dist_file(const std::string& path) {
  if (!path.starts_with('/')) {
    return refuse(path, "an absolute path is expected, such as \"/usr/lib/tc/experimental.dist\"");
  }
  const Parsed<UniqueFd> file = open_asked_file(path);
  if (!file.ok()) return refuse(path, file.error);
  std::string text(kMaxFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.value.get(), text.data() + size, text.size() - size);
    if (n < 0) return refuse(path, std::strerror(errno));
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > kMaxFile) return refuse(path, "is longer than 1 MiB");
  text.resize(size);
  Parsed<Table> table = parse_dist(text);
  if (!table.ok()) return refuse(path, table.error);
  return table;
}

}  // namespace wobble::api
