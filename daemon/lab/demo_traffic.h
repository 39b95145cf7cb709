// `--demo`: a gentle stream of real requests from the lab's client side, so that there is something to see at once.
// Some HTTP/1.0, a connection for each; some HTTP/1.1, many requests on one connection that is then closed by the
// client.
#pragma once

#include <condition_variable>
#include <thread>

#include "daemon/lab/lab.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

class DemoTraffic {
 public:
  explicit DemoTraffic(const Lab& lab);
  ~DemoTraffic();

 private:
  void run();
  /// False once the demo is to end.
  bool pause(Duration time);

  Mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ WOBBLE_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace wobble::daemon
