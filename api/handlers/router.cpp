#include "api/handlers/router.h"

#include <algorithm>

#include "api/conditions/problem.h"
#include "api/handlers/queries.h"

namespace wobble::api {
namespace {

constexpr std::string_view kAllThatFollows = "{file}";

/// Takes the first segment off; `path` has no leading slash.
std::string_view take_segment(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  return segment;
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& arguments) {
  arguments.clear();
  pattern.remove_prefix(1);
  path.remove_prefix(1);
  if (path.ends_with('/')) return false;  // "/" itself is empty by now
  while (!pattern.empty() && !path.empty()) {
    if (pattern == kAllThatFollows) {
      arguments.emplace_back(path);
      return !path.starts_with("api/");
    }
    const std::string_view want = take_segment(pattern);
    const std::string_view have = take_segment(path);
    if (want.starts_with('{')) {
      const auto decoded = percent_decode(have, false);
      if (!decoded || decoded->empty() || has_control_character(*decoded)) return false;
      arguments.push_back(*decoded);
    } else if (want != have) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    out.push_back(text.substr(0, space));
    text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
  }
  return out;
}

}  // namespace

Match find_route(std::string_view method, std::string_view path) {
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  Match match;
  std::vector<std::string> arguments;
  for (const Route& route : routes()) {
    if (!matches(route.pattern, path, arguments)) continue;
    const bool is_fallback = route.pattern.ends_with(kAllThatFollows);
    if (is_fallback && !match.allowed.empty()) continue;
    match.allowed += (match.allowed.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == "GET") match.allowed += ", HEAD";
    if (match.route == nullptr && route.method == wanted) {
      match.route = &route;
      match.arguments = arguments;
    }
  }
  return match;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

std::map<std::string, std::string> parse_query(std::string_view target, std::string_view known) {
  std::map<std::string, std::string> out;
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return out;
  std::string_view rest = target.substr(mark + 1);
  rest = rest.substr(0, rest.find('#'));
  const std::vector<std::string_view> names = words(known);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const auto name = percent_decode(pair.substr(0, equals), true);
    const auto value =
        percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), true);
    if (!name || !value) throw Problem(400, "The query is not percent-encoded as it should be.");
    if (std::find(names.begin(), names.end(), *name) == names.end()) {
      throw unknown_in_query("parameter", *name, names);
    }
    if (!out.emplace(*name, *value).second) throw Problem(400, "\"" + *name + "\" is in the query twice.");
  }
  return out;
}

}  // namespace wobble::api
