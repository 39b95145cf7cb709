// A TUN or TAP device: the kernel's end is a network interface, ours a descriptor that reads and writes whole IP
// packets, or Ethernet frames (Linux Documentation/networking/tuntap.rst). A frame's header is the packet's prefix.
// With the virtio-net header in front of each packet the kernel hands over TCP and UDP super-packets uncut and
// unsummed, and takes them back so. Not persistent: it vanishes with the descriptor, however the process ends.
#pragma once

#include <sys/types.h>

#include <array>
#include <string>

#include "emulator/device/packet_device.h"
#include "emulator/unique_fd.h"

namespace wobble {

class TunDevice final : public PacketDevice {
 public:
  /// What it carries: IP packets (a TUN device), or Ethernet frames that hold such (a TAP device).
  enum class Layer : std::uint8_t { ip, ethernet };

  /// Makes the interface `name` (at most 15 bytes) in the calling thread's network namespace; the descriptor works from
  /// any other afterwards. Throws std::system_error that says what was attempted.
  /// With `offload` the kernel is asked for super-packets and partial checksums, as much of it as it has.
  TunDevice(const std::string& name, bool offload, Layer layer = Layer::ip);

  /// Frames that hold no IP packet, and those that the kernel sends from the interface's own address, are passed over.
  ReadResult read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept override;
  bool write(std::span<const std::uint8_t> packet, const Offload& offload, Prefix prefix) noexcept override;
  bool takes(Offload::Kind kind) const noexcept override {
    return kind == Offload::Kind::tcp ? takes_tcp_ : takes_udp_;
  }
  /// A kind that the kernel calls invalid is not takes()n any more.
  bool write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload,
                   Prefix prefix) noexcept override;
  int descriptor() const noexcept override { return descriptor_.get(); }

 private:
  using EthernetAddress = std::array<std::uint8_t, 6>;

  /// Reads as the kernel hands it over; how many bytes, or below 0 with errno.
  ssize_t read_bytes(std::span<std::uint8_t> buffer, Offload& offload) noexcept;
  bool write_vector(std::span<const std::span<const std::uint8_t>> parts, Offload offload, Prefix prefix) noexcept;
  bool is_of_interest(std::span<const std::uint8_t> frame, std::size_t header_size) const noexcept;

  UniqueFd descriptor_;
  bool has_header_;
  Layer layer_;
  EthernetAddress own_address_{};  ///< of the interface
  bool takes_tcp_ = false;
  bool takes_udp_ = false;
};

}  // namespace wobble
