// A device for packets between a program and this same machine: a TUN device takes them, and what is written goes back
// in by where it belongs. For IPv4 that is the TUN device. IPv6 takes no packet from or to ::1 from any interface but
// `lo` (RFC 4291 2.5.3): there it is sent through a packet socket, as if it had never left, with a mark that keeps the
// rules from diverting it again.
#pragma once

#include <cstdint>
#include <string>

#include "emulator/packet_device.h"
#include "emulator/tun_device.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {

/// The firewall mark (SO_MARK) of what was written to `lo`.
inline constexpr std::uint32_t kDeliveredMark = 0x776f62;

class LoopbackDevice final : public PacketDevice {
 public:
  /// In the calling thread's network namespace. Without offload: `lo` carries packets of 64 KB as they are. Throws
  /// std::system_error that says what was attempted; needs CAP_NET_ADMIN and CAP_NET_RAW.
  explicit LoopbackDevice(const std::string& name);

  ReadResult read(std::span<std::uint8_t> buffer, std::size_t& length, Offload& offload) noexcept override {
    return tun_.read(buffer, length, offload);
  }
  bool write(std::span<const std::uint8_t> packet, const Offload& offload) noexcept override;
  int descriptor() const noexcept override { return tun_.descriptor(); }

 private:
  TunDevice tun_;
  UniqueFd socket_;
  int loopback_index_ = 0;
};

}  // namespace wobble::daemon
