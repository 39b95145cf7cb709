// What processes that share a ledger's folder tell each other by locks on files. The kernel gives a lock back when its
// holder ends, however that happens, and shows it across pid namespaces.
#pragma once

#include <stdexcept>
#include <string>

#include "emulator/unique_fd.h"

namespace wobble::daemon {

struct LedgerBusy : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The ledger is read and changed by one at a time, in whatever process.
class LedgerLock {
 public:
  /// Makes the folder if it is not there, and waits for its turn. Throws std::system_error if the folder cannot be
  /// written, LedgerBusy if the turn does not come within ten seconds.
  explicit LedgerLock(std::string folder);
  /// Takes the lock's file away if nothing else is in the folder, and the folder too if it was made by one of us.
  ~LedgerLock();
  LedgerLock(const LedgerLock&) = delete;
  LedgerLock& operator=(const LedgerLock&) = delete;

 private:
  std::string folder_;
  UniqueFd file_;
};

/// An owner of what is on record: a file "<pid>-<start>.owner" that is locked for as long as the owner lives. Made and
/// asked about with the LedgerLock held.
class OwnerFile {
 public:
  /// Of this process; a second one in it gets a number behind. Throws std::system_error.
  explicit OwnerFile(std::string folder);
  /// Removes the file.
  ~OwnerFile();
  OwnerFile(const OwnerFile&) = delete;
  OwnerFile& operator=(const OwnerFile&) = delete;

  const std::string& name() const { return name_; }
  /// Nobody has removed it.
  bool stands() const;

 private:
  std::string folder_;
  std::string name_;
  UniqueFd file_;
};

/// Whether the owner of that name lives. Throws std::system_error (EACCES) if we may not ask.
bool is_owner_alive(const std::string& folder, const std::string& name);
/// The pid in an owner's name, in the pid namespace it lives or lived in.
std::string pid_of_owner(const std::string& name);
void remove_files_of_dead_owners(const std::string& folder);

/// Field 22 of proc(5)'s stat: in clock ticks since boot. Empty if there is no such process.
std::string start_time(const std::string& pid);

}  // namespace wobble::daemon
