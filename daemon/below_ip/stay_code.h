// The part of a program for a hook that lets a packet stay in the kernel, to which nothing is to happen, and writes
// what its headers say into a ring (kernel_ring.h): a wire packet whole, a TCP super-packet up to its headers.
//
// What was led into our device before must have left, or it would be overtaken: the program counts those, and the
// daemon says at which number it has seen them all (DivertShare::Way). What there is no room for in the ring, what is
// longer than kWholePacket without being a TCP super-packet, and a super-packet of anything else comes up to us: the
// packet itself tells all.
#pragma once

#include "daemon/below_ip/assembly.h"
#include "emulator/packet/packet.h"

namespace wobble::daemon {

/// What stands in the ring: this, and `length` bytes from the IP header on, or of a super-packet the first kHeaders.
struct StayedRecord {
  std::uint64_t time;  ///< CLOCK_MONOTONIC in ns
  std::uint32_t length;
  std::uint16_t segment_size;
  std::uint8_t direction;
  std::uint8_t unused;
};
static_assert(sizeof(StayedRecord) == 16);
/// Records have room for one or the other.
inline constexpr std::uint32_t kHeaders = 208, kWholePacket = 2032;

struct StayingWay {
  int share = -1;       ///< the map that holds a DivertShare
  std::size_t way = 0;  ///< where in it the Way is
  int ring = -1;
  int link_header = 0;  ///< bytes of a frame before its IP header
  Direction direction = Direction::up;
};

/// With the packet in r6, where r7 to r9 are not needed any more: goes on if it stays, or at `comes_up`.
void write_stay(Assembly& code, const StayingWay& way, Assembly::Label comes_up);

}  // namespace wobble::daemon
