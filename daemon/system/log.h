#pragma once
// What the daemon tells whoever started it: one line each, on stderr. This file keeps spdlog, whose headers take longer
// to compile than most of our files, out of all others.
#include <string_view>

namespace wobble::daemon::log {

/// To be called once, before any of the others and before threads are started. Debug lines are printed only if
/// `verbose`.
void open(bool verbose);

/// `line` has no line end. Each may be called from any thread; what cannot be printed is lost without an error.
void debug(std::string_view line);
void info(std::string_view line);
void warn(std::string_view line);
void error(std::string_view line);

}  // namespace wobble::daemon::log
