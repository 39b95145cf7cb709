// A log that nobody keeps: a file in a folder of its own below the temporary one (TMPDIR), removed with it.
#pragma once

#include <string>

namespace wobble::daemon {

class TemporaryLog {
 public:
  /// Throws std::system_error.
  TemporaryLog();
  ~TemporaryLog();
  TemporaryLog(const TemporaryLog&) = delete;
  TemporaryLog& operator=(const TemporaryLog&) = delete;

  std::string file() const { return folder_ + "/wobble.db"; }

 private:
  std::string folder_;
};

}  // namespace wobble::daemon
