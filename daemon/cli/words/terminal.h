// What standard output is, and colour where it may be used.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace wobble::daemon {

enum class Colour : std::uint8_t { plain, bold, dim, red, green, yellow, cyan };

/// Colours text, or does not. Passed to everything that lays text out, so that a test can choose.
struct Paint {
  bool on = false;
  std::string operator()(Colour colour, std::string_view text) const;
};

/// Is standard output a terminal?
bool is_terminal();
/// A terminal that is not dumb, and NO_COLOR is not set (to anything but nothing; no-color.org).
Paint paint_for_stdout();
/// Columns to lay out for, at least `least` and at most `most`: the terminal's, or COLUMNS, or `otherwise`.
std::size_t terminal_width(std::size_t least, std::size_t most, std::size_t otherwise);
/// Does the locale say that text is UTF-8? Where it says nothing at all (as in a container), yes.
bool is_utf8_locale();

}  // namespace wobble::daemon
