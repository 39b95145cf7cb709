// The loop that owns one link: it waits for packets, for the next departure and for commands, reads the clock, and lets
// the link do the rest. It is the only code in emulator/ that waits, and the only one that looks at a clock.
//
// Threads: the loop runs on a thread of its own from construction to destruction. call() may be used from any other.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "emulator/device/kernel_path.h"
#include "emulator/device/packet_device.h"
#include "emulator/link/departures.h"
#include "emulator/link/link.h"
#include "emulator/link/spin_budget.h"
#include "emulator/mutex.h"
#include "emulator/unique_fd.h"

namespace wobble {

struct ForwarderOptions {
  /// How long before a deadline the loop wakes up, to spin until it has come: 0 to SpinBudget::kLongestLead.
  Duration spin = std::chrono::microseconds(50);
  /// Ask for SCHED_FIFO at the lowest priority: nothing but the kernel and other such threads then goes first. Off, for
  /// a loop that is busy would take one of two cores from the programs under test; refused, the loop runs as it is.
  bool fifo = false;
};

class Forwarder {
 public:
  using Command = std::function<void(Link&, TimePoint now)>;

  /// Starts the loop over both devices; with a kernel path, what nothing is to happen to does not come to them. Throws
  /// std::system_error if the kernel refuses a descriptor or a thread.
  Forwarder(const LinkOptions& options, ConnectionObserver& observer, std::unique_ptr<PacketDevice> near,
            std::unique_ptr<PacketDevice> far, const ForwarderOptions& how = {},
            std::unique_ptr<KernelPath> kernel_path = {});
  /// Ends the loop; what is in flight is gone, and every connection is told closed with End::open.
  ~Forwarder();
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;

  /// Runs `command` on the loop's thread, between two packets, and returns when it has run. False if that did not
  /// happen within `at_most`: the command has then not run and never will. An exception of the command comes out here.
  [[nodiscard]] bool call(const Command& command, Duration at_most);
  /// Runs `command` as call() does, and does not wait for it. It must not throw. It never runs if the loop ends before.
  void post(const Command& command);

  /// One of the devices failed (somebody removed its interface): nothing comes from there any more.
  bool has_lost_device() const noexcept { return has_lost_device_; }

  /// What the kernel said to SCHED_FIFO: 0 if it was granted or not asked for, else an errno.
  int fifo_error() const noexcept { return fifo_error_; }

  /// The clock the loop uses.
  static TimePoint now() noexcept;

 private:
  struct Mail;

  void put_into_mailbox(std::shared_ptr<Mail> mail);
  void run() noexcept;
  void wait() noexcept;
  bool poll(int timeout) noexcept;
  void do_commands();
  void read_from(Side side) noexcept;
  /// Tells the link of what has stayed in the kernel until now.
  void read_stayed() noexcept;
  void choose_paths() noexcept;
  /// The time now, before which nothing more happens on the link.
  TimePoint tick() noexcept { return latest_ = now(); }
  void arm_timer(TimePoint wake_at) noexcept;
  PacketDevice& device(Side side) noexcept { return side == Side::near ? *near_ : *far_; }

  std::unique_ptr<PacketDevice> near_;
  std::unique_ptr<PacketDevice> far_;
  std::unique_ptr<KernelPath> kernel_path_;  ///< may be none
  UniqueFd epoll_;
  UniqueFd timer_;
  UniqueFd mailbell_;
  Link link_;
  Departures up_;
  Departures down_;
  SpinBudget spin_;
  int fifo_error_ = 0;
  std::vector<std::uint8_t> spare_buffer_;
  std::vector<std::uint8_t> stayed_buffer_;  ///< for the headers of a super-packet that stayed
  TimePoint armed_for_ = kNever;
  TimePoint latest_;               ///< tick()'s
  TimePoint stayed_due_ = kNever;  ///< when what stayed in the kernel is to be read
  bool readable_[2] = {false, false};
  bool has_mail_ = false;

  Mutex mailbox_mutex_;
  std::vector<std::shared_ptr<Mail>> mailbox_ WOBBLE_GUARDED_BY(mailbox_mutex_);
  std::atomic<bool> stopping_{false};
  std::atomic<bool> has_lost_device_{false};
  std::thread thread_;  // last: everything else stands when it starts
};

}  // namespace wobble
