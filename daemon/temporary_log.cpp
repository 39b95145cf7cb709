#include "daemon/temporary_log.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace wobble::daemon {

TemporaryLog::TemporaryLog() : folder_(std::filesystem::temp_directory_path() / "wobble-log-XXXXXX") {
  if (::mkdtemp(folder_.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), "cannot make a folder for the log, " + folder_);
  }
}

TemporaryLog::~TemporaryLog() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace wobble::daemon
