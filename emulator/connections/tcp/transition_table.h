// The transition table of the connection log, in the order in which its rows look at a segment: corrections first, then
// by number. What they mean and why: THEORY.md, which a test holds to this table.
//
// A *sent* row is about the endpoint X that sent the segment, and is asked when the segment arrives at the emulator,
// whatever happens to it afterwards: sending it is proof of X's state. A *delivered* row is about the endpoint X that
// the segment was released to, and is asked once per copy, and never for what was dropped or corrupted.
//
// All rows that match apply, one after the other, each seeing the state the one before it left: a segment that both
// acknowledges the peer's FIN and carries one is row peer_fin_acknowledged and then row second_fin. A row marked `stop`
// hides the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emulator/connections/tcp/occasion.h"
#include "emulator/events/rule.h"

namespace wobble {

using StateSet = std::uint16_t;
using KindSet = std::uint8_t;
constexpr StateSet bit(TcpState state) { return static_cast<StateSet>(1 << static_cast<int>(state)); }
constexpr KindSet bit(SegmentKind kind) { return static_cast<KindSet>(1 << static_cast<int>(kind)); }

/// Where a row leads: a state, or one of three that depend.
enum class Target : std::uint8_t {
  to_closed = static_cast<std::uint8_t>(TcpState::closed),
  to_syn_sent,
  to_syn_received,
  to_established,
  to_fin_wait_1,
  to_fin_wait_2,
  to_close_wait,
  to_closing,
  to_last_ack,
  to_time_wait,
  same = 0x80,
  before_closed,  ///< the state it was in before it was thought CLOSED
  before_fin,     ///< ESTABLISHED or CLOSE_WAIT, by what it had received
};

struct Row {
  Rule rule;
  Evidence evidence;
  KindSet kinds;
  StateSet from;
  bool (*when)(const Occasion&);  ///< nullptr: always
  Target to;
  void (*then)(const Occasion&);  ///< nullptr: nothing; runs before the state changes
  bool stop;
  const char* text;
};

std::span<const Row> sent_rows() noexcept;
std::span<const Row> delivered_rows() noexcept;
/// Bit i: row i of the list above may match. So that a segment asks the two or three rows that concern it.
std::uint64_t sent_candidates(SegmentKind kind, TcpState state) noexcept;
std::uint64_t delivered_candidates(SegmentKind kind, TcpState state) noexcept;

/// X has sent its first FIN, which ends at `end`; `acks_peer`: it acknowledges the peer's.
void note_fin(TcpConnection& connection, Role who, SequenceNumber end, bool acks_peer) noexcept;

/// A client that has just used this port pair may be followed by a late SYN of its earlier connection: it has the
/// earlier initial sequence number (RFC 9293 3.4.1), and `opened_by` says that there was one.
bool is_late_syn(Rule opened_by, SequenceNumber iss, SequenceNumber seq) noexcept;

/// Three rows (restart, port_reuse, syn_within_answered) begin a new connection between the same endpoints, which must
/// be known before the segment meets its fate: that row, or `timer` for none. `pending`: if there is one.
Rule new_incarnation_rule(const TcpConnection& connection, const PendingSyn* pending, Role sender,
                          const TcpSegment& segment) noexcept;

}  // namespace wobble
