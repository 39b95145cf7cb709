// A network namespace held by a descriptor and by nothing else: no name below /run/netns, so that when the daemon dies,
// however it dies, the namespace and everything in it is gone.
#pragma once

#include <functional>
#include <string>

#include "emulator/forwarder.h"

namespace wobble::daemon {

class NetworkNamespace {
 public:
  /// Makes an empty one. Throws std::system_error; needs CAP_SYS_ADMIN.
  NetworkNamespace();

  /// Runs `work` inside, on a thread of its own that then ends; an exception of `work` comes out here.
  void run(const std::function<void()>& work) const;
  /// Moves the calling thread in, for good.
  void enter() const;

  /// For nsenter(1) and setns(2) while this process lives: "/proc/PID/fd/N".
  std::string path() const;

 private:
  UniqueFd descriptor_;
};

/// Runs a program found on PATH with `input` on its standard input, in the calling thread's network namespace, without
/// a shell. Throws std::runtime_error with the command and what it wrote to standard error unless it exits with 0.
void run_program(const std::vector<std::string>& command, const std::string& input);

}  // namespace wobble::daemon
