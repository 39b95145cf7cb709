// A network namespace held by a descriptor. One that we make is held by nothing else: no name below /run/netns, so that
// when the daemon dies, however it dies, the namespace and everything in it is gone.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "emulator/link/forwarder.h"

namespace wobble::daemon {

class NetworkNamespace {
 public:
  /// Makes an empty one. Throws std::system_error; needs CAP_SYS_ADMIN.
  NetworkNamespace();

  /// This process's own. To run something in it takes no privilege.
  static NetworkNamespace own();
  /// The one that `path` leads to. Throws std::system_error: EINVAL if it is none.
  static NetworkNamespace open(const std::string& path);

  /// Runs `work` inside, on a thread of its own that then ends; an exception of `work` comes out here. Where no thread
  /// can be made, such as at a limit of tasks, it is the calling one that goes there and comes back.
  void run(const std::function<void()>& work) const;
  /// Moves the calling thread in, for good.
  void enter() const;

  /// For nsenter(1) and setns(2) while this process lives: "/proc/PID/fd/N".
  std::string path() const;
  /// What tells it from every other that lives now.
  ino_t inode() const;
  bool is_own() const { return is_own_; }

 private:
  explicit NetworkNamespace(UniqueFd descriptor);
  void run_here(const std::function<void()>& work) const;

  UniqueFd descriptor_;
  bool is_own_ = false;
};

}  // namespace wobble::daemon
