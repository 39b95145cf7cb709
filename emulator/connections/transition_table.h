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

#include "emulator/connections/tcp_connection.h"
#include "emulator/events/rule.h"
#include "emulator/packet/packet.h"

namespace wobble {

/// The valid combinations of SYN, FIN, RST and ACK, as conntrack has them; PSH, URG and the ECN flags do not matter. A
/// SYN-ACK may carry a FIN: a server that answers a request in the SYN and closes at once (RFC 7413).
/// The last two before `invalid` are no segments of the peer: ICMP errors that quote a segment of X's.
enum class SegmentKind : std::uint8_t { syn, syn_ack, rst, fin, ack, icmp_refused, icmp_unreachable, invalid };
inline constexpr std::size_t kSegmentKindCount = 7;  ///< the valid ones

/// `fin` has ACK too. FIN with RST acts as a RST.
SegmentKind kind_of(const TcpSegment& segment) noexcept;
/// FIN with RST is treated as a RST and yet nothing a sane stack sends.
bool has_odd_flags(const TcpSegment& segment) noexcept;

/// One segment meeting one endpoint: what a row's condition looks at and its effect changes.
struct Occasion {
  TcpConnection& connection;
  const RangePool& ranges;
  TroublePool& pool;
  const TcpSegment& segment;
  Role who;  ///< X
  SegmentKind kind;
  TimePoint now;
  bool had_fin;               ///< X had sent its FIN before this segment
  bool ends_request = false;  ///< of an ICMP error: see IcmpError

  TcpEndpoint& x() const noexcept { return connection.of(who); }
  TcpEndpoint& y() const noexcept { return connection.of(peer_of(who)); }
  /// What is known of trouble with what X sends, to look at; to write to; and once more of one kind, which is how many
  /// by now.
  const DataLists& lists() const noexcept { return pool.known_lists(x().troubles); }
  DataLists& need_lists() const noexcept { return pool.need_lists(x().troubles); }
  std::uint32_t count(Trouble what) const noexcept { return pool.count(x().troubles, what); }
  /// The same of what Y sends.
  const DataLists& lists_of_y() const noexcept { return pool.known_lists(y().troubles); }
  DataLists& need_lists_of_y() const noexcept { return pool.need_lists(y().troubles); }
  std::uint32_t count_of_y(Trouble what) const noexcept { return pool.count(y().troubles, what); }
  /// Nothing if there is none.
  const PendingSyn* pending() const noexcept { return pending_syn(connection, pool); }
};

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
