// The sequence numbers of both endpoints: what each has acknowledged, and what of the other's sending has reached it,
// in order and beyond. The invariant it keeps: an endpoint's rcv_nxt is never before its ack_sent, and no list of
// ranges says again what a number says.
//
// One thread. No allocation: the ranges are in pools, which must outlive it.
#pragma once

#include <cstdint>

#include "emulator/connections/tcp/occasion.h"

namespace wobble {

class SequenceSpace {
 public:
  SequenceSpace(RangePool& ranges, TroublePool& troubles) : ranges_(ranges), troubles_(troubles) {}

  /// Acknowledgement `ack` of the endpoint `who`, on its way from it; with the window it offers, in bytes.
  void note_acknowledgement(TcpConnection& connection, Role who, SequenceNumber ack,
                            std::uint32_t window) const noexcept;
  /// One that has reached `who`.
  void note_delivered_ack(TcpConnection& connection, Role who, SequenceNumber ack) const noexcept;
  /// Data, or a FIN, that has reached `who`.
  void receive(TcpConnection& connection, Role who, SequenceNumber seq, std::uint32_t length) const noexcept;
  /// All that an acceptable segment says of the numbers when it has reached X.
  void deliver(const Occasion& occasion) const noexcept;
  /// No copy of a segment of `who` has reached the peer in one piece, or will.
  void lose(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept;

 private:
  /// What was delivered to `who` reaches so far, together with what lay beyond `edge`.
  SequenceNumber absorb(TcpConnection& connection, Role who, SequenceNumber edge) const noexcept;
  /// `who` has acknowledged: what was known of the repair of that is not needed any more.
  void forget_repaired(TcpConnection& connection, Role who) const noexcept;

  RangePool& ranges_;
  TroublePool& troubles_;
};

}  // namespace wobble
