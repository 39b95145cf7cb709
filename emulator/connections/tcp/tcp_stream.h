// The short way for a segment, neither lost nor a copy, that only carries an established stream on, as nearly every one
// does: exactly what TcpTracker would do, for less. Each call answers false, and has done nothing, if there is more to
// the segment. A test holds it to the long way, field by field.
//
// One thread. No allocation; the pools must outlive it.
#pragma once

#include "emulator/connections/tcp/sequence_space.h"

namespace wobble {

class TcpStream {
 public:
  TcpStream(RangePool& ranges, TroublePool& troubles) : troubles_(troubles), space_(ranges, troubles) {}

  /// In place of TcpTracker::sent() and delivered(). No row applies.
  bool sent(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept;
  bool delivered(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept;
  /// The same of the segments behind it in one super-packet, seen as one; false unless all of them only carry it on.
  bool sent_rest(TcpConnection& connection, Role who, const TcpSegment& rest) const noexcept;
  bool delivered_rest(TcpConnection& connection, Role who, const TcpSegment& rest) const noexcept;

  /// No row but those on acknowledgements and windows asks about a segment of this kind.
  static bool is_stream(const TcpConnection& connection, SegmentKind kind) noexcept;

 private:
  bool awaits_what_is_missing(const TcpEndpoint& x) const noexcept;

  TroublePool& troubles_;
  SequenceSpace space_;
};

}  // namespace wobble
