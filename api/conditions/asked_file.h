// Files that a request names: a trace, a distribution, a network namespace. Whoever asks need not be allowed to read
// what the daemon can read, so there is one place where such a file is opened.
#pragma once

#include <string>

#include "api/conditions/units.h"
#include "emulator/unique_fd.h"

namespace wobble::api {

/// Which files the request under way may name.
struct FileRights {
  bool all = true;        ///< every file that the daemon itself may read
  std::string directory;  ///< if not `all`: those below this one; empty: none
};

/// The rights of what this thread does until this object ends. Without one a thread has all: what the command line
/// names is the caller's own.
class FileRightsScope {
 public:
  explicit FileRightsScope(FileRights rights);
  ~FileRightsScope();
  FileRightsScope(const FileRightsScope&) = delete;
  FileRightsScope& operator=(const FileRightsScope&) = delete;

 private:
  FileRights before_;
};

/// What this thread does has all rights.
bool may_name_any_file() noexcept;

/// Opens the file at an absolute path for reading; errors are "cannot be read: No such file or directory"
/// and its like, or "is not a regular file". A pipe, a device or a socket is not opened at all, since that alone can
/// change something. A file that the asker may not name is refused without a word about whether it exists.
Parsed<UniqueFd> open_asked_file(const std::string& path);

}  // namespace wobble::api
