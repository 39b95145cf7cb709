#include "daemon/journal/clock_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace wobble::daemon {
namespace {

constexpr int kLookEvery = 1000;  // ms

}  // namespace

ClockWatch::ClockWatch(WallAnchor& anchor, std::function<void(const ClockStep&)> tell)
    : anchor_(anchor),
      tell_(std::move(tell)),
      timer_(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (stop_.get() < 0) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
  thread_ = std::thread([this] { run(); });
}

ClockWatch::~ClockWatch() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

/// For a moment that does not come: it ends early when the clock is set.
void ClockWatch::arm() {
  constexpr std::time_t kCentury = std::time_t{100} * 365 * 24 * 3600;
  itimerspec when{};
  ::clock_gettime(CLOCK_REALTIME, &when.it_value);
  when.it_value.tv_sec += kCentury;
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
}

void ClockWatch::run() {
  const bool has_timer = timer_.get() >= 0;
  if (has_timer) arm();
  for (;;) {
    pollfd waiting[] = {{stop_.get(), POLLIN, 0}, {timer_.get(), POLLIN, 0}};
    ::poll(waiting, has_timer ? 2 : 1, kLookEvery);
    if (waiting[0].revents != 0) return;
    if (waiting[1].revents != 0) {
      std::uint64_t ignored = 0;
      [[maybe_unused]] const ssize_t size = ::read(timer_.get(), &ignored, sizeof ignored);  // ECANCELED
      arm();
    }
    if (const auto step = anchor_.look()) tell_(*step);
  }
}

}  // namespace wobble::daemon
