// How traffic reaches one link: what was set up around its two devices, and how it is taken down again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "emulator/device/kernel_path.h"
#include "emulator/device/tun_device.h"

namespace wobble::daemon {

class WayIn {
 public:
  /// Takes down what stands, as close() does.
  virtual ~WayIn() = default;

  /// Both devices are handed over once, to the forwarder.
  std::unique_ptr<PacketDevice> take_near() { return std::move(near_); }
  std::unique_ptr<PacketDevice> take_far() { return std::move(far_); }

  /// Beside them; none: everything comes to the devices.
  std::unique_ptr<KernelPath> take_kernel_path() { return std::move(kernel_path_); }

  virtual api::SideInfo near_info() const = 0;
  virtual api::SideInfo far_info() const = 0;
  /// The settings, with what was left to us filled in.
  virtual api::WayInSettings settings() const = 0;
  /// For a person; may be empty.
  virtual std::string detail() const { return {}; }

  /// From now on traffic passes through the devices. Throws if it cannot; what has been done is taken back.
  virtual void open() = 0;
  /// From now on none does; everything but the devices is as it was. Harmless when it has been done. What could not be
  /// put back is told, and stays on record; empty: nothing.
  [[nodiscard]] virtual std::string close() noexcept = 0;
  /// Why the target is no more; empty while it is there.
  virtual std::string gone() const { return {}; }
  /// How to run something between two packets of the link that has the devices. Before open().
  using RunOnLink = std::function<void(const std::function<void()>&)>;
  virtual void serve_by(const RunOnLink&) {}
  /// What keeps it from carrying, looked at now; empty: nothing. Mends what it can.
  virtual std::string look() { return {}; }
  /// What look() has seen happen, or mended, since the last question: one line each.
  virtual std::vector<std::string> take_news() { return {}; }
  /// Packets that came to its hooks; none if it has no such.
  virtual std::optional<api::WayInCounters> counters() const { return {}; }

 protected:
  std::unique_ptr<PacketDevice> near_;
  std::unique_ptr<PacketDevice> far_;
  std::unique_ptr<KernelPath> kernel_path_;
};

}  // namespace wobble::daemon
