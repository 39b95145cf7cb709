// A TUN device: the kernel's end is a network interface, ours a descriptor that reads and writes whole IP packets
// (Linux Documentation/networking/tuntap.rst). With the virtio-net header in front of each packet the kernel hands over
// TCP and UDP super-packets uncut and unsummed, and takes them back so. Not persistent: it vanishes with the
// descriptor, however the process ends.
#pragma once

#include <string>

#include "emulator/packet_device.h"
#include "emulator/unique_fd.h"

namespace wobble {

class TunDevice final : public PacketDevice {
 public:
  /// Makes the interface `name` (at most 15 bytes) in the calling thread's network namespace; the descriptor works from
  /// any other afterwards. Throws std::system_error that says what was attempted.
  /// With `offload` the kernel is asked for super-packets and partial checksums, as much of it as it has.
  TunDevice(const std::string& name, bool offload);

  ReadResult read(std::span<std::uint8_t> buffer, std::size_t& length, Offload& offload) noexcept override;
  bool write(std::span<const std::uint8_t> packet, const Offload& offload) noexcept override;
  bool takes(Offload::Kind kind) const noexcept override {
    return kind == Offload::Kind::tcp ? takes_tcp_ : takes_udp_;
  }
  /// A kind that the kernel calls invalid is not takes()n any more.
  bool write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload) noexcept override;
  int descriptor() const noexcept override { return descriptor_.get(); }

 private:
  UniqueFd descriptor_;
  bool has_header_;
  bool takes_tcp_ = false;
  bool takes_udp_ = false;
};

}  // namespace wobble
