#include "daemon/cli/words/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace wobble::daemon {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

const char* code(Colour colour) {
  switch (colour) {
    case Colour::plain: return "";
    case Colour::bold: return "\033[1m";
    case Colour::dim: return "\033[2m";
    case Colour::red: return "\033[31m";
    case Colour::green: return "\033[32m";
    case Colour::yellow: return "\033[33m";
    case Colour::cyan: return "\033[36m";
  }
  return "";
}

}  // namespace

std::string Paint::operator()(Colour colour, std::string_view text) const {
  if (!on || colour == Colour::plain || text.empty()) return std::string(text);
  return code(colour) + std::string(text) + "\033[0m";
}

bool is_terminal() { return isatty(STDOUT_FILENO) == 1; }

Paint paint_for_stdout() {
  return Paint{is_terminal() && environment("NO_COLOR").empty() && environment("TERM") != "dumb"};
}

std::size_t terminal_width(std::size_t least, std::size_t most, std::size_t otherwise) {
  std::size_t width = otherwise;
  winsize size{};
  const std::string_view said = environment("COLUMNS");
  if (is_terminal() && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    width = size.ws_col;
  } else if (std::size_t n = 0; std::from_chars(said.data(), said.data() + said.size(), n).ec == std::errc() && n > 0) {
    width = n;
  }
  return std::clamp(width, least, most);
}

bool is_utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = environment(name);
    if (value.empty()) continue;
    const auto has = [&](std::string_view part) { return value.find(part) != std::string_view::npos; };
    return has("UTF-8") || has("utf-8") || has("utf8") || has("UTF8");
  }
  return true;
}

}  // namespace wobble::daemon
