// The shorter way of a packet that nothing is to happen to: it goes on in the kernel, and only what its headers say
// comes to us. So a link that asks for nothing costs what it costs to be told.
//
// A direction is on this path or on the way through us. Its packets keep their order when it changes: those behind one
// that came to us come to us too, until it has left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emulator/packet/packet.h"
#include "emulator/time.h"

namespace wobble {

/// A packet that went on in the kernel.
struct StayedPacket {
  Side side = Side::near;          ///< where it arrived
  TimePoint at;                    ///< when, by the kernel's clock, which is the link's
  std::uint32_t length = 0;        ///< in bytes, from its IP header on
  std::uint16_t segment_size = 0;  ///< of a TCP super-packet: the payload of each segment; 0: a wire packet, whole
  /// From its IP header on; of a super-packet only its beginning, with all headers. Until the next call of next().
  std::span<const std::uint8_t> bytes;
};

/// One thread, the link's.
class KernelPath {
 public:
  virtual ~KernelPath() = default;

  /// The next packet that stayed, in the order in which the kernel saw them; false: none (any more).
  virtual bool next(StayedPacket& out) noexcept = 0;
  /// How many can be waiting for next() at one moment.
  virtual std::size_t most_waiting() const noexcept = 0;
  /// Becomes readable when next() has something anew, for whoever waits edge-triggered.
  virtual int descriptor() const noexcept = 0;
  /// Whether packets of that direction may stay from now on. When it returns after `may_stay` was false, none that
  /// comes does. To be asked again and again while it is true: what has come to us must have left before.
  virtual void set(Direction direction, bool may_stay) noexcept = 0;
};

}  // namespace wobble
