// What the states of both endpoints say of a connection: what it waits for and for how long, whether it is over, and
// how it ended. Functions of the connection alone; time is an argument.
#pragma once

#include <cstdint>

#include "emulator/connections/tcp/connection_timeouts.h"
#include "emulator/connections/tcp/steps.h"

namespace wobble {

/// What a connection is waiting for, by the states of both its endpoints: its time-out and its turn to be evicted.
enum class Awaited : std::uint8_t {
  half_open,     ///< SYN_SENT without an answer, or one side of a connection that was picked up
  syn_received,  ///< SYN_RECEIVED
  established,
  closing,      ///< FIN_WAIT_1, CLOSING or LAST_ACK on either side
  half_closed,  ///< FIN_WAIT_2 or CLOSE_WAIT; or one side CLOSED and the other not
  time_wait,    ///< TIME_WAIT, the other side TIME_WAIT or CLOSED
  closed,       ///< both CLOSED (or never seen): kept for stray segments
};

Awaited awaited_by(const TcpConnection& connection) noexcept;
/// Both endpoints are past their last segment: CLOSED, TIME_WAIT, or (one of them) never seen.
bool is_over(const TcpConnection& connection) noexcept;

/// When time_out() has something to do, the last segment having passed at `last`.
TimePoint deadline_of(const TcpConnection& connection, const ConnectionTimeouts& timeouts, TimePoint last) noexcept;
/// The time-outs that are over at `now`. True if the connection is to be given up: nothing more is expected of it.
bool time_out(TcpConnection& connection, const ConnectionTimeouts& timeouts, TimePoint last, TimePoint now,
              Steps& steps) noexcept;

/// How it ended, if it ends now.
End end_of(const TcpConnection& connection) noexcept;
/// The same if nothing ends it but that nobody looks any longer.
End end_if_open(const TcpConnection& connection) noexcept;

}  // namespace wobble
