// An IPv4 packet cut into fragments, as a router does whose next hop takes less (RFC 791 3.2).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "emulator/packet/packet.h"

namespace wobble {

/// Whether a router may cut it: IPv4 without "don't fragment".
bool may_be_fragmented(const PacketView& packet) noexcept;

class Ipv4Fragments {
 public:
  /// `packet` is whole, parsed, larger than `mtu`, and outlives this. `mtu` is at least kMinMtu.
  Ipv4Fragments(std::span<const std::uint8_t> packet, std::uint32_t mtu) noexcept;

  std::uint32_t count() const noexcept { return count_; }
  std::uint32_t size(std::uint32_t i) const noexcept;
  /// Writes the i-th into `out`, which has size(i) bytes. The first has all options, the others those that are to be
  /// copied; each carries a multiple of eight bytes, but the last, and the flags and offset that it has in the packet
  /// the sender made, should this one have been a fragment before.
  void copy(std::uint32_t i, std::span<std::uint8_t> out) const noexcept;

 private:
  std::uint32_t begin_of(std::uint32_t i) const noexcept { return i == 0 ? 0 : first_ + (i - 1) * others_; }
  std::uint32_t length_of(std::uint32_t i) const noexcept;

  std::span<const std::uint8_t> packet_;
  std::uint8_t options_[40];  ///< of the fragments behind the first
  std::uint32_t options_length_ = 0;
  std::uint32_t header_;   ///< of the packet
  std::uint32_t payload_;  ///< of the packet
  std::uint32_t first_;    ///< of the payload, in the first fragment
  std::uint32_t others_;   ///< and in each other
  std::uint32_t count_;
};

}  // namespace wobble
