// Moves a TcpConnection through RFC 9293's states: asks the transition table, and in its order all else that a segment
// means: what it claims, what is measured of it, and the sequence numbers that the table's conditions look at.
//
// One thread. No allocation; the pools must outlive it. Every function takes any segment whatever, also forged ones.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/connections/tcp/sequence_space.h"
#include "emulator/connections/tcp/steps.h"
#include "emulator/connections/tcp/tcp_repairs.h"
#include "emulator/connections/tcp/transition_table.h"
#include "emulator/packet/icmp_error.h"
#include "emulator/packet/packet.h"

namespace wobble {

class TcpTracker {
 public:
  TcpTracker(RangePool& ranges, TroublePool& troubles)
      : ranges_(ranges), troubles_(troubles), space_(ranges, troubles) {}

  /// S: the endpoint `who` sent this. `is_lost`: no copy of it will reach the peer in one piece.
  Sending sent(TcpConnection& connection, Role who, const PacketView& packet, bool is_lost, TimePoint now,
               Steps& steps) const noexcept;
  /// D: an intact copy was released to the endpoint `who`. `arrived` is the time of its sent().
  void delivered(TcpConnection& connection, Role who, const TcpSegment& segment, TimePoint arrived, TimePoint now,
                 Steps& steps) const noexcept;
  /// An ICMP error was released to the endpoint `who`, about a segment of its own.
  void icmp_error(TcpConnection& connection, Role who, const IcmpError& error, TimePoint now,
                  Steps& steps) const noexcept;
  /// A segment of `who` that sent() thought would be delivered was not.
  void lost(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept {
    space_.lose(connection, who, segment);
  }

  /// Makes `connection` the one that `pending` has begun: its client has sent a SYN that was not believed.
  static void begin_with_pending(TcpConnection& connection, Role client, const PendingSyn& pending) noexcept;

 private:
  static void apply(const Row& row, const Occasion& occasion, Steps& steps) noexcept;
  /// Asks the rows in their order; each sees the state the one before left. False if one of them said stop.
  static bool run(std::span<const Row> rows, std::uint64_t (*candidates)(SegmentKind, TcpState),
                  const Occasion& occasion, Steps& steps) noexcept;
  void account_sent(const Occasion& occasion, const PacketView& packet) const noexcept;

  RangePool& ranges_;
  TroublePool& troubles_;
  SequenceSpace space_;
};

}  // namespace wobble
