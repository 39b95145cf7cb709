// --keep-rows, --keep-age, --keep-size: how much of the log wobbled keeps.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>

#include "daemon/journal/retention.h"

namespace wobble::daemon {

/// As typed, until parsing is done.
struct RetentionWords {
  std::int64_t rows = -1;
  std::string age;
  std::string size;
};

std::shared_ptr<RetentionWords> add_retention_options(CLI::App& app);

/// Throws CLI::ValidationError that names the option and says how to write it.
RetentionLimits read_retention(const RetentionWords& words);

}  // namespace wobble::daemon
