// What travels beside a packet where the kernel leaves work to the device, or the device to the kernel: the virtio-net
// header (OASIS virtio 1.2, 5.1.6) as plain fields.
#pragma once

#include <cstdint>

namespace wobble {

struct Offload {
  /// How the packet is to be cut: not at all, as TCP, or as UDP datagrams. The IP version stands in the packet.
  enum class Kind : std::uint8_t { none, tcp, udp };

  Kind kind = Kind::none;
  bool ecn = false;                  ///< TCP with CWR: only the first segment carries it
  bool needs_checksum = false;       ///< the checksum field holds only the pseudo-header's sum; the rest is to be added
  std::uint16_t segment_size = 0;    ///< payload of each segment but the last; 0 with Kind::none
  std::uint16_t header_length = 0;   ///< of all headers; the kernel's is a hint that may be wrong
  std::uint16_t checksum_start = 0;  ///< with needs_checksum: where summing begins,
  std::uint16_t checksum_offset = 0;  ///< and, from there, where the sum is written
  bool is_checksum_verified = false;  ///< the kernel, or a device before it, has found the checksum right

  bool operator==(const Offload&) const = default;
};

}  // namespace wobble
