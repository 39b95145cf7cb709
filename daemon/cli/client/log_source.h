// Where a log is read from: the daemon that writes it, or its file.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "daemon/cli/words/json.h"

namespace wobble::daemon {

class LogSource {
 public:
  virtual ~LogSource() = default;
  /// The answer of GET /api/v1/connections to this query. Throws Failure.
  virtual Json connections(const std::map<std::string, std::string>& query) = 0;
};

std::unique_ptr<LogSource> log_of_daemon(const std::string& url);
/// Opens the file for reading only; a daemon may be writing to it. Throws Failure if it is no log of this version.
std::unique_ptr<LogSource> log_of_file(const std::string& file);

}  // namespace wobble::daemon
