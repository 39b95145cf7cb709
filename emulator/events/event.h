// What the data path tells the world. Plain values, handed through an EventRing to whoever keeps a log.
#pragma once

#include <cstdint>
#include <variant>

#include "emulator/events/fate.h"
#include "emulator/events/figures.h"
#include "emulator/events/rule.h"
#include "emulator/packet/packet.h"
#include "emulator/time.h"

namespace wobble {

/// One connection (or, for protocols other than TCP, one flow). Unique over all links and all sessions of a log.
using ConnectionId = std::uint64_t;

/// RFC 9293 3.3.2. `none`: nothing is known of this endpoint yet (a server that has not answered: LISTEN or nobody).
enum class TcpState : std::uint8_t {
  none,
  closed,
  syn_sent,
  syn_received,
  established,
  fin_wait_1,
  fin_wait_2,
  close_wait,
  closing,
  last_ack,
  time_wait,
};
inline constexpr std::size_t kTcpStateCount = 11;

/// What a transition rests on: a segment the endpoint sent, one delivered to it, a timer, later evidence that
/// corrects an inference, or what must have happened unseen (`implied`).
enum class Evidence : std::uint8_t { sent, delivered, timer, correction, implied };

/// How a connection ended; `open` while it lives. See the table in the manual.
enum class End : std::uint8_t {
  open,
  orderly,
  orderly_reset,
  reset,
  refused,
  syn_timeout,
  idle_timeout,
  half_open,
  superseded,
  evicted,
  unreachable,
  unknown,  ///< it was lost on the way to whoever keeps a log; the table never says so
};

/// A connection or flow was seen for the first time.
struct ConnectionOpened {
  ConnectionId id = 0;
  TimePoint at;
  std::uint8_t protocol = 0;
  Side client_side = Side::near;
  bool midstream = false;     ///< picked up without its handshake
  std::uint32_t ordinal = 0;  ///< the n-th to this server endpoint on this link, from 1: what its chance hangs on
  Endpoint client;
  Endpoint server;
};

/// The segment behind a transition, with what we did to it.
struct SegmentSummary {
  TcpSegment tcp;
  FateWord fate = FateWord::forwarded;
  DropReason drop = DropReason::none;
};

/// One endpoint changed its state.
struct Transition {
  ConnectionId id = 0;
  TimePoint at;
  Role side = Role::client;
  TcpState from = TcpState::none;
  TcpState to = TcpState::none;
  Evidence evidence = Evidence::sent;
  Rule row = Rule::timer;    ///< of the transition table
  bool has_segment = false;  ///< false for timers and ICMP errors
  SegmentSummary segment;
};

/// A connection ended, or was forgotten: told once, as soon as it is known, with the figures of that moment.
///
/// A TCP connection has ended when neither endpoint has anything to send any more: each is CLOSED or in TIME_WAIT, or
/// one is CLOSED and the other was never seen (refused). It stays in the table until TIME_WAIT runs out, or 10 s for
/// stray segments, so more of the same id may follow: transitions (TIME_WAIT to CLOSED), LateFigures, and
/// ConnectionReopened. If only one endpoint is known to be CLOSED, the end is told when the other's time-out has run:
/// half_open. One that is superseded or evicted ends when nothing of it is in flight any more, behind the opening of
/// the one that has its ports or its place.
struct ConnectionClosed {
  ConnectionId id = 0;
  TimePoint at;
  End end = End::open;
  ClosedBy closed_by = ClosedBy::nobody;   ///< by the states: the first FIN or RST that counted
  TcpState client_state = TcpState::none;  ///< the last known
  TcpState server_state = TcpState::none;
  ConnectionFigures figures;
};

/// A connection whose end was told lives on after all: an endpoint that was taken for CLOSED has shown that it is not
/// (by a row whose evidence is a correction, or syn_after_refusal). Its end will be told anew.
struct ConnectionReopened {
  ConnectionId id = 0;
  TimePoint at;
};

/// More of a connection was seen after its end was told: its figures when it is forgotten, in place of those.
struct LateFigures {
  ConnectionId id = 0;
  TimePoint at;
  TcpState client_state = TcpState::none;  ///< the last known
  TcpState server_state = TcpState::none;
  ConnectionFigures figures;
};

/// One segment of a connection, told once its fate is sealed: when dropped, or when released.
struct SegmentRecord {
  ConnectionId id = 0;
  Role from = Role::client;
  std::uint8_t copy = 0;  ///< 0 the original, 1 its duplicate
  bool retransmission = false;
  FateWord fate = FateWord::forwarded;
  DropReason drop = DropReason::none;
  TimePoint sent_at;       ///< arrived at the emulator
  TimePoint delivered_at;  ///< left it; kNever if dropped
  TcpSegment tcp;
};

/// How many events of each kind could not be told because the ring was full.
struct EventsLost {
  TimePoint at;
  std::uint64_t transitions = 0;  ///< transitions, openings and closings, and late figures
  std::uint64_t segments = 0;
  std::uint64_t connections = 0;  ///< openings among them: of these connections the log will know nothing
};

/// The bound on bytes in flight was reached, and packets are dropped for it: told once, and again only when that
/// happens after ten seconds without. Or the machine had none for a step of the scenario, so that the one before goes
/// on.
struct MemoryExhausted {
  TimePoint at;
  std::uint64_t limit = 0;  ///< bytes; 0: for a step
};

/// A flood of handshakes that are not completed: while it lasts, those that come to nothing are told as counts. Or, if
/// it is one-sided, of packets that belong to no connection: while it lasts, a flow (TCP without its handshake, or
/// another protocol) is told when both its sides have sent, or one side eight packets.
struct HalfOpenFlood {
  enum class Phase : std::uint8_t {
    began,    ///< from `at` on a connection is told when its handshake is complete, with all that went before
    counted,  ///< those of one source and port that came to nothing from `since` to `at`
    ended,    ///< from `at` on each is told as it happens again; it began at `since`
  };
  TimePoint at;
  TimePoint since;
  Phase phase = Phase::began;
  // Phase::counted alone.
  std::uint8_t prefix = 0;  ///< bits of `source` that are meant, as IPv4 or IPv6 counts them; 0: of several sources
  std::uint16_t port = 0;   ///< the servers'; 0: several
  IpAddress source;
  std::uint32_t connections = 0;
  std::uint32_t refused = 0;   ///< of those: by a RST
  std::uint32_t answered = 0;  ///< by a SYN-ACK, but their client never went on
  std::uint32_t evicted = 0;   ///< forgotten before their time, whatever their answer
  /// Then `connections` are flows of which one side was seen for the first time, whatever became of them.
  bool is_one_sided = false;
};

using LinkEvent = std::variant<ConnectionOpened, Transition, ConnectionClosed, ConnectionReopened, LateFigures,
                               SegmentRecord, EventsLost, MemoryExhausted, HalfOpenFlood>;

const char* to_string(TcpState state) noexcept;     ///< "NONE", "CLOSED", "SYN_SENT", "FIN_WAIT_1", ...
const char* to_string(Evidence evidence) noexcept;  ///< "sent", "delivered", "timer", "correction", "implied"
const char* to_string(End end) noexcept;
const char* to_string(HalfOpenFlood::Phase phase) noexcept;  ///< "began", "counted", "ended"

}  // namespace wobble
