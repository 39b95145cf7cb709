#include "daemon/system/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace wobble::daemon::log {

void open(bool verbose) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("wobbled"));
  if (verbose) spdlog::set_level(spdlog::level::debug);
}

void debug(std::string_view line) { spdlog::debug(line); }
void info(std::string_view line) { spdlog::info(line); }
void warn(std::string_view line) { spdlog::warn(line); }
void error(std::string_view line) { spdlog::error(line); }

}  // namespace wobble::daemon::log
