// What is measured of a connection: the handshake's round trips, what is in flight, acknowledgements that repeat,
// probes, closed windows, and with tcp_repairs.h what was sent again. It changes no state. Definitions and sources:
// api/FIGURES.md.
#pragma once

#include "emulator/connections/tcp/tcp_repairs.h"
#include "emulator/events/figures.h"

namespace wobble {

/// What a segment of X's is of what was sent before: called before anything of it was noted.
void measure_sent(const Occasion& occasion, const PacketView& packet, Sending& sending) noexcept;
/// Behind the states: how far X's snd_max has moved, from `before`.
void measure_progress(const Occasion& occasion, SequenceNumber before) noexcept;
void time_sent(const Occasion& occasion, const PacketView& packet) noexcept;
void time_delivered(TcpConnection& connection, SegmentKind kind, TimePoint arrived, TimePoint now) noexcept;

/// The figures so far, into `figures`.
void fill_figures(ConnectionFigures& figures, const TcpConnection& connection, const TroublePool& troubles,
                  TimePoint now) noexcept;

}  // namespace wobble
