// The folder of the API's default Unix socket, which is the ledger's too: made and taken away as the ledger does it, so
// that nothing stays behind, whoever of both comes last.
#pragma once

#include <optional>

#include "daemon/ways_in/ledger_lock.h"

namespace wobble::daemon {

/// Makes the folder, and keeps others from taking it away until something is in it. Where it cannot be made there is no
/// socket either, which the server says.
class SocketFolder {
 public:
  SocketFolder() noexcept;
  /// After the socket was removed. Takes the folder away if nothing is in it and it was made by one of us.
  ~SocketFolder();
  SocketFolder(const SocketFolder&) = delete;
  SocketFolder& operator=(const SocketFolder&) = delete;

  /// The socket is there now.
  void is_used() noexcept { lock_.reset(); }

 private:
  void hold() noexcept;
  std::optional<LedgerLock> lock_;
};

/// Removes the default socket if nobody listens on it any more, as after a kill; with `dry_run` only says so. Whether
/// there was one.
bool remove_dead_socket(bool dry_run) noexcept;

}  // namespace wobble::daemon
