// The signals that end this process: SIGINT, SIGTERM, SIGHUP. They are taken here and nowhere else; what hangs
// meanwhile in a program that was started is cut short at once (daemon/system/program.h).
#pragma once

#include <signal.h>

#include <atomic>
#include <thread>

namespace wobble::daemon {

class EndRequest {
 public:
  /// Blocks the signals in the calling thread and all that it starts later, and ignores SIGPIPE. Make it before any
  /// thread, and once.
  EndRequest();
  ~EndRequest();
  EndRequest(const EndRequest&) = delete;
  EndRequest& operator=(const EndRequest&) = delete;

  /// Until one has come; its number.
  int wait() const;
  bool has_come() const { return signal_ != 0; }

 private:
  sigset_t signals_;
  std::atomic<int> signal_ = 0;
  std::thread waiter_;
};

}  // namespace wobble::daemon
