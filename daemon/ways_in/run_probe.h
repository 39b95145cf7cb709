// Whether a command's packets get through this machine: a packet of our own goes the way that theirs will, and its
// answer the way back, before anybody depends on it. A firewall that eats it is named, with what lets it through.
//
// What goes on to other machines is tried towards a device of our own, which stands for the way out; so it works on a
// machine without one. It shows the policy of forwarding and rules for our device. Rules for a certain way out (dropped
// where it leaves by eth0), or for certain addresses and ports, are not met, and not seen.
#pragma once

#include "daemon/ways_in/iproute.h"
#include "daemon/ways_in/run_names.h"
#include "emulator/device/packet_device.h"

namespace wobble::daemon {

/// The end of a device whose packets this machine gets: it is not read or written by anybody else meanwhile.
class Wire {
 public:
  /// `has_header` as TunDevice's `offload`.
  Wire(const PacketDevice& device, bool has_header) : descriptor_(device.descriptor()), has_header_(has_header) {}

  int descriptor() const { return descriptor_; }
  void send(std::span<const std::uint8_t> packet) const;
  /// Empty: there is none.
  std::vector<std::uint8_t> receive() const;

 private:
  int descriptor_;
  bool has_header_;
};

/// Packets to other machines, from `far` (the device names.device()) on. Throws api::Incapable if they are eaten.
void prove_way_out(const Wire& far, const RunNames& names, bool has_v6);

/// TCP to a port of this machine's, at the far address. Throws api::Incapable if it is eaten; `what` is asked there.
void prove_way_in(const Wire& far, const RunNames& names, Family family, std::uint16_t port, const std::string& what);

}  // namespace wobble::daemon
