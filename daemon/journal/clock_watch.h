// Notices that the system's clock was set, or that the machine slept: at once, since the kernel tells
// (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET), and where it does not, within a second.
#pragma once

#include <functional>
#include <thread>

#include "daemon/journal/wall_anchor.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {

class ClockWatch {
 public:
  /// `tell` is called on the watch's own thread, when `anchor` has taken the step over. Both outlive this.
  ClockWatch(WallAnchor& anchor, std::function<void(const ClockStep&)> tell);
  ~ClockWatch();
  ClockWatch(const ClockWatch&) = delete;
  ClockWatch& operator=(const ClockWatch&) = delete;

 private:
  void run();
  void arm();

  WallAnchor& anchor_;
  std::function<void(const ClockStep&)> tell_;
  UniqueFd timer_;  ///< none: the kernel has no such timer
  UniqueFd stop_;
  std::thread thread_;
};

}  // namespace wobble::daemon
