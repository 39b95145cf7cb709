// What is measured of a connection: the handshake's round trips, what is in flight, acknowledgements that repeat,
// probes, closed windows, and with TcpRepairs what was sent again. It changes no state. Definitions and sources:
// api/FIGURES.md.
//
// One thread. No allocation; the pools must outlive it.
#pragma once

#include "emulator/connections/tcp/tcp_repairs.h"
#include "emulator/events/figures.h"

namespace wobble {

class TcpFigures {
 public:
  TcpFigures(RangePool& ranges, TroublePool& troubles) : repairs_(ranges, troubles) {}

  /// What a segment is of what was sent before: called before anything of it was noted.
  void measure_sent(const Occasion& occasion, const PacketView& packet, Sending& sending) const noexcept;
  /// Behind the states: how far X's snd_max has moved, from `before`.
  static void measure_progress(const Occasion& occasion, SequenceNumber before) noexcept;
  static void time_sent(const Occasion& occasion, const PacketView& packet) noexcept;
  static void time_delivered(TcpConnection& connection, SegmentKind kind, TimePoint arrived, TimePoint now) noexcept;

  /// The figures so far, into `figures`.
  static void fill(ConnectionFigures& figures, const TcpConnection& connection, const TroublePool& troubles,
                   TimePoint now) noexcept;

 private:
  TcpRepairs repairs_;
};

}  // namespace wobble
