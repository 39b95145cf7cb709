// What the data path tells the world. Plain values, handed through an EventRing to whoever keeps a log.
#pragma once

#include <cstdint>
#include <variant>

#include "emulator/fate.h"
#include "emulator/packet.h"
#include "emulator/time.h"

namespace wobble {

/// One connection (or, for protocols other than TCP, one flow). Unique over all links and all sessions of a log.
using ConnectionId = std::uint64_t;

/// The two endpoints of a connection. The client is the one that opened it (sent the first SYN, or the first packet).
enum class Role : std::uint8_t { client, server };
constexpr Role peer_of(Role r) { return r == Role::client ? Role::server : Role::client; }

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
};

/// Who closed first: the side of the first FIN or RST; both, if each FIN was sent before the other's was delivered.
enum class ClosedBy : std::uint8_t { nobody, client, server, both };

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
  std::uint8_t row = 0;      ///< of the transition table (its numbers); 0: a time-out other than 2MSL, which has none
  bool has_segment = false;  ///< false for timers
  SegmentSummary segment;
};

/// Figures of one endpoint's sending, as seen from the middle.
struct EndpointFigures {
  std::uint64_t packets_sent = 0;       ///< arrived at the emulator from it
  std::uint64_t bytes_sent = 0;         ///< of those, IP bytes
  std::uint64_t packets_delivered = 0;  ///< released towards its peer, copies included
  std::uint64_t bytes_delivered = 0;
  std::uint64_t payload_bytes = 0;  ///< transport payload sent, retransmissions included
  std::uint32_t retransmissions = 0;
  std::uint32_t retransmissions_by_us = 0;  ///< of those, the ones whose earlier copy we dropped or corrupted
  std::uint32_t dropped = 0;                ///< by us
  std::uint32_t duplicated = 0;
  std::uint32_t corrupted = 0;
  std::uint32_t reordered = 0;
  bool operator==(const EndpointFigures&) const = default;
};

struct ConnectionFigures {
  EndpointFigures client;
  EndpointFigures server;
  /// From the SYN that was answered to the SYN-ACK and from the SYN-ACK's delivery to the third ACK, both as seen in
  /// the middle, so net of nothing; 0 if unknown.
  Duration handshake_rtt_server{0};
  Duration handshake_rtt_client{0};
  /// From the first SYN to the third ACK, both at the emulator's ingress (Wireshark's initial RTT); 0 if unknown.
  Duration initial_rtt{0};
  bool operator==(const ConnectionFigures&) const = default;
};

/// A connection ended, or was forgotten: told exactly once, as soon as it is known, with the figures of that moment.
///
/// A TCP connection has ended when neither endpoint has anything to send any more: each is CLOSED or in TIME_WAIT, or
/// one is CLOSED and the other was never seen (refused). It stays in the table until TIME_WAIT runs out, or 10 s for
/// stray segments, so transitions of the same id may still follow: TIME_WAIT to CLOSED, or a refused client that tries
/// the same SYN again. What was told is not taken back. If only one endpoint is known to be CLOSED, the end is told
/// when the other's time-out has run: half_open.
struct ConnectionClosed {
  ConnectionId id = 0;
  TimePoint at;
  End end = End::open;
  ClosedBy closed_by = ClosedBy::nobody;
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
  std::uint64_t transitions = 0;  ///< transitions, openings and closings
  std::uint64_t segments = 0;
};

/// The bound on bytes in flight was reached, and packets are dropped for it: told once, and again only when that
/// happens after ten seconds without.
struct MemoryExhausted {
  TimePoint at;
  std::uint64_t limit = 0;  ///< bytes
};

using LinkEvent =
    std::variant<ConnectionOpened, Transition, ConnectionClosed, SegmentRecord, EventsLost, MemoryExhausted>;

const char* to_string(TcpState state) noexcept;     ///< "NONE", "CLOSED", "SYN_SENT", "FIN_WAIT_1", ...
const char* to_string(Role role) noexcept;          ///< "client", "server"
const char* to_string(Evidence evidence) noexcept;  ///< "sent", "delivered", "timer", "correction", "implied"
const char* to_string(End end) noexcept;
const char* to_string(ClosedBy who) noexcept;  ///< "", "client", "server", "both"

}  // namespace wobble
