// A packet, or super-packet, on its way in, and the bytes of it that are kept. Lives while it is admitted.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/link/link_half.h"
#include "emulator/packet/packet_buffer.h"
#include "emulator/packet/super_packet.h"

namespace wobble {

struct Arrival {
  LinkHalf& half;  ///< of its direction
  Side side;
  TimePoint now;
  std::span<const std::uint8_t> bytes;
  std::span<const std::uint8_t> prefix;  ///< link_prefix.h
  PacketBuffer storage;                  ///< holds `bytes`, behind `prefix`; or empty
  std::uint64_t number = 0;              ///< of its first segment
  SuperPacket packet{};                  ///< `bytes`, read
  std::uint64_t sequence = 0;            ///< of the segment that is looked at, among those of its direction
  bool is_damaged = false;               ///< its receiver will discard it for its checksum, or, a fragment, the whole

  /// The packet of `n` segments from `first`, behind the prefix, and what travels beside it; empty if the memory is
  /// exhausted. Takes the storage where that is no waste.
  PacketBuffer keep(std::uint32_t first, std::uint32_t n, BufferPool& pool, Offload& offload) noexcept;
  /// A segment as it is on the wire, without a prefix; empty if the memory is exhausted.
  PacketBuffer wire_packet(std::uint32_t segment, BufferPool& pool) const noexcept;
};

}  // namespace wobble
