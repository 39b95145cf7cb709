// Opening the journal's file: one daemon at a time, and only a file that is ours.
#pragma once

#include <memory>
#include <string>

#include "daemon/journal/database.h"

namespace wobble::daemon {

/// Makes the folders above the file that are not there. Throws std::runtime_error with one line that names the file,
/// the cause, and what to do.
void make_folder_of(const std::string& file);

/// What `error` means to whoever chose the file, and what to do: "... no room left on the disk; ...".
std::string cause_and_remedy(const DatabaseError& error, const std::string& file);

/// The file is opened and flock(2)ed for as long as this lives. A second daemon fails at once.
///
/// Closing any descriptor of a file drops the POSIX locks that the process holds on it, SQLite's included. So this
/// must outlive every Database on the same file.
class FileLock {
 public:
  /// Creates the file if it is not there. Throws std::runtime_error with one line that names the file.
  explicit FileLock(const std::string& file);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  int fd() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

/// Opens the (locked) file for writing, checks that it is a wobble journal or empty, and brings it to this version's
/// schema. Throws std::runtime_error with one line that names the file and says what to do.
std::unique_ptr<Database> open_journal(const std::string& file);

}  // namespace wobble::daemon
