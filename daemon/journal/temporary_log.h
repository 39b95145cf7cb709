// A log that nobody keeps: a file in a folder of its own below the temporary one (TMPDIR), removed with it. What a
// killed one has left the next one removes, and 'wobble cleanup'.
#pragma once

#include <string>
#include <vector>

#include "emulator/unique_fd.h"

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
  UniqueFd lock_;  ///< held for as long as the process lives, however it ends
};

/// The folders of this user's logs below the temporary folder whose process has ended. They are removed unless
/// `dry_run`. What cannot be removed is not among them.
std::vector<std::string> remove_abandoned_logs(bool dry_run = false) noexcept;

}  // namespace wobble::daemon
