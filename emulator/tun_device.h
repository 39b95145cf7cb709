// A TUN device: the kernel's end is a network interface, ours a descriptor that reads and writes whole IP packets
// (Linux Documentation/networking/tuntap.rst). Not persistent: it vanishes with the descriptor, however the process
// ends.
#pragma once

#include <string>

#include "emulator/packet_device.h"

namespace wobble {

class TunDevice final : public PacketDevice {
 public:
  /// Makes the interface `name` (at most 15 bytes) in the calling thread's network namespace; the descriptor works from
  /// any other afterwards. Throws std::system_error that says what was attempted.
  explicit TunDevice(const std::string& name);
  ~TunDevice() override;
  TunDevice(const TunDevice&) = delete;
  TunDevice& operator=(const TunDevice&) = delete;

  ReadResult read(std::span<std::uint8_t> buffer, std::size_t& length) noexcept override;
  bool write(std::span<const std::uint8_t> packet) noexcept override;
  int descriptor() const noexcept override { return descriptor_; }

 private:
  int descriptor_ = -1;
};

}  // namespace wobble
