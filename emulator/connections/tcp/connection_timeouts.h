// For how long a connection waits in each pair of states, without a segment that moves it.
#pragma once

#include <chrono>

#include "emulator/time.h"

namespace wobble {

/// Each is a time since the last segment of the connection that arrived, but TIME_WAIT's since
/// it began (or began again). What waits for a pair of states waits for the first of these that either is in:
/// SYN_RECEIVED, SYN_SENT, closing, half-closed, established. Endpoints whose stacks give up silently (SYN_SENT,
/// SYN_RECEIVED, FIN_WAIT_1, CLOSING, LAST_ACK) become CLOSED by timer; the others may live on and are only forgotten.
struct ConnectionTimeouts {
  Duration syn_sent = std::chrono::seconds(130);
  Duration syn_received = std::chrono::seconds(75);
  Duration established = std::chrono::hours(24);    ///< also a picked-up connection of which one side is silent
  Duration closing = std::chrono::seconds(120);     ///< FIN_WAIT_1, CLOSING, LAST_ACK
  Duration half_closed = std::chrono::hours(1);     ///< FIN_WAIT_2 with CLOSE_WAIT; one side CLOSED, the other not
  Duration time_wait = std::chrono::seconds(60);    ///< 2 MSL
  Duration after_reset = std::chrono::seconds(10);  ///< kept for stray segments
  Duration flow = std::chrono::seconds(60);         ///< UDP, ICMP and others
};

}  // namespace wobble
