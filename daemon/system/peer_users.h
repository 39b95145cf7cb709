// Which user the other end of a TCP connection on this machine belongs to, as the kernel tells it (sock_diag(7)).
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "emulator/mutex.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {

class PeerUsers {
 public:
  /// Asks in the network namespace of the calling thread, for good. Where the kernel cannot be asked nobody is known.
  PeerUsers();

  /// The owner of the socket at `peer` that is connected to `local`, or none: it is not in this namespace, or nobody
  /// holds it any more. Some microseconds; any thread.
  std::optional<uid_t> user_of(const sockaddr_storage& peer, const sockaddr_storage& local);

 private:
  Mutex mutex_;  // one question at a time
  UniqueFd netlink_ WOBBLE_GUARDED_BY(mutex_);
  std::uint32_t sequence_ WOBBLE_GUARDED_BY(mutex_) = 0;
};

}  // namespace wobble::daemon
