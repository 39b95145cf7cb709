// The kernel path of what is diverted: it reads the ring of the programs, and says when what they have led into our
// devices has been read and sent on, so that what follows may stay.
#pragma once

#include <array>
#include <memory>

#include "daemon/below_ip/kernel_ring.h"
#include "daemon/below_ip/share_map.h"
#include "emulator/device/device_bundle.h"
#include "emulator/device/kernel_path.h"

namespace wobble::daemon {

class DivertedPath final : public KernelPath {
 public:
  /// The bundles must outlive its last set().
  DivertedPath(std::shared_ptr<ShareMap> share, std::shared_ptr<KernelRing> ring, const DeviceBundle& near,
               const DeviceBundle& far);

  bool next(StayedPacket& out) noexcept override;
  std::size_t most_waiting() const noexcept override { return KernelRing::kMostRecords; }
  int descriptor() const noexcept override { return ring_->map(); }
  void set(Direction direction, bool may_stay) noexcept override;

 private:
  /// Packets that the kernel has counted and we have not read, though there was nothing to read: it is about to bring
  /// them, or has dropped them. What is missing for kPatience was dropped.
  struct Missing {
    std::uint64_t dropped = 0;
    std::uint64_t least = 0;
    TimePoint since = kNever;
  };
  static constexpr Duration kPatience = std::chrono::milliseconds(20);
  void settle(Direction direction, const DeviceBundle::Reading& reading) noexcept;

  std::shared_ptr<ShareMap> share_;
  std::shared_ptr<KernelRing> ring_;
  const DeviceBundle& near_;
  const DeviceBundle& far_;
  std::array<std::array<Missing, 2>, DivertShare::kMostInterfaces> missing_;
  std::uint8_t highest_ = 0;  ///< of the numbers under which anything was let stay
};

}  // namespace wobble::daemon
