// What is kept of one TCP connection: two endpoints as RFC 9293 3.3.1 would have them, as far as the middle can know.
// Plain data; the transition table and the tracker give it meaning.
#pragma once

#include <cstdint>

#include "emulator/connections/conn_state.h"
#include "emulator/connections/mark_list.h"
#include "emulator/connections/sequence_ranges.h"
#include "emulator/event.h"
#include "emulator/time.h"

namespace wobble {

/// Rows that are not in tcp.md's table: time-outs other than TIME_WAIT's (row 27) have no row.
inline constexpr std::uint8_t kNoRow = 0;

/// Counts as far as 16 bits go.
inline void count(std::uint16_t& n) noexcept {
  if (n < 0xffff) ++n;
}

/// What is measured of one endpoint's sending: the figures of api/FIGURES.md, and what they need.
struct TcpMeasures {
  std::uint32_t fast = 0;  ///< retransmissions, each in one class: by us before spurious before fast
  std::uint32_t spurious = 0;
  std::uint32_t out_of_order = 0;
  std::uint32_t gaps = 0;
  std::uint32_t dup_acks = 0;
  std::uint32_t keep_alives = 0;
  std::uint32_t zero_windows = 0;
  std::uint32_t zero_window_segments = 0;
  std::uint32_t initial_window = 0;
  std::uint32_t max_window = 0;
  std::uint32_t max_in_flight = 0;
  std::uint64_t unique_payload = 0;
  /// While the window is closed, less the moment since which it is.
  Duration zero_window_time{0};
  TcpOffer offer;
  TimePoint gap_at{};                   ///< when it last skipped ahead
  RangeList holes;                      ///< what it skipped and has not sent since
  SequenceNumber recover = 0;           ///< a fast retransmission's recovery ends here (RFC 6582)
  std::uint16_t window_sent = 0;        ///< as written
  std::uint16_t window_delivered = 0;   ///< the last that reached the peer
  std::uint8_t dup_acks_delivered = 0;  ///< to it, since its data was last acknowledged further
  bool is_recovering = false;
  bool is_window_closed = false;
  bool has_window = false;
  bool has_window_delivered = false;
};

struct TcpEndpoint {
  // What was seen of it. Each guards the numbers named beside it.
  static constexpr std::uint16_t kSentSyn = 1 << 0;       ///< iss; by SYN or SYN-ACK
  static constexpr std::uint16_t kSentSynAck = 1 << 1;    //
  static constexpr std::uint16_t kSentFin = 1 << 2;       ///< fin_end
  static constexpr std::uint16_t kHasSent = 1 << 3;       ///< snd_max, una
  static constexpr std::uint16_t kHasAcked = 1 << 4;      ///< ack_sent, right_edge
  static constexpr std::uint16_t kHasReceived = 1 << 5;   ///< rcv_nxt
  static constexpr std::uint16_t kHasScale = 1 << 6;      ///< window_scale: its SYN offered one
  static constexpr std::uint16_t kFinAgain = 1 << 7;      ///< in TIME_WAIT: the peer's FIN came once more
  static constexpr std::uint16_t kChallenged = 1 << 8;    ///< a RST in window but not exact was delivered
  static constexpr std::uint16_t kInferredOpen = 1 << 9;  ///< ESTABLISHED by row 16, and silent since
  static constexpr std::uint16_t kReset = 1 << 10;        ///< it is CLOSED because of a RST
  static constexpr std::uint16_t kTimedOut = 1 << 11;     ///< it is CLOSED because of a time-out

  TcpState state = TcpState::none;
  TcpState before_closed = TcpState::none;  ///< where a correction returns to
  std::uint8_t closed_row = kNoRow;
  std::uint8_t window_scale = 0;
  std::uint16_t seen = 0;
  SequenceNumber iss = 0;         ///< of its SYN
  SequenceNumber snd_max = 0;     ///< just past the highest it sent
  SequenceNumber una = 0;         ///< the highest ACK delivered to it
  SequenceNumber fin_end = 0;     ///< just past its FIN
  SequenceNumber ack_sent = 0;    ///< the highest ACK it sent
  SequenceNumber rcv_nxt = 0;     ///< the contiguous edge of what was delivered to it; >= ack_sent
  SequenceNumber right_edge = 0;  ///< the highest ack + window it sent
  RangeList out_of_order;         ///< delivered to it beyond rcv_nxt
  RangeList dropped;              ///< of its segments: what we dropped or corrupted and it has not repeated yet
  MarkList marks;                 ///< of its segments in flight: what to tell when they land
  TimePoint since{};              ///< when it entered its state; in TIME_WAIT when 2MSL last began
  TcpMeasures measures;

  bool has(std::uint16_t what) const noexcept { return (seen & what) != 0; }
};

/// A SYN within a living connection (row 7), waiting to be understood.
struct PendingSyn {
  bool is_set = false;
  Role from = Role::client;
  std::uint8_t window_scale = 0;
  bool has_scale = false;
  SequenceNumber isn = 0;
  TimePoint at{};
};

struct TcpConnection {
  TcpEndpoint client;
  TcpEndpoint server;
  PendingSyn pending;
  bool midstream = false;
  bool liberal = false;         ///< row 43: windows are not known well enough to judge by them
  std::uint8_t opened_row = 1;  ///< 1, 3, 4 or 8: what its first SYN was; 40 if picked up
  ClosedBy closed_by = ClosedBy::nobody;
  bool had_fin = false;          ///< before any RST
  bool was_established = false;  ///< either endpoint
  std::uint8_t syns_delivered = 0;
  std::uint8_t syn_acks_delivered = 0;
  bool fast_open_accepted = false;           ///< the SYN-ACK acknowledged data of the SYN
  ClosedBy closed_first = ClosedBy::nobody;  ///< by what was sent, believed or not
  std::uint16_t invalid_flags = 0;           ///< segments with impossible flags
  std::uint16_t rst_implausible = 0;         ///< row 31
  std::uint16_t challenge_acks = 0;          ///< row 35, answered
  std::uint16_t bad_checksum = 0;
  std::uint16_t syn_retries = 0;
  std::uint16_t syn_ack_retries = 0;
  WireFacts facts;
  TimePoint first_syn_at{};     ///< arrived here
  TimePoint answered_syn_at{};  ///< arrived here: the last SYN that was delivered
  TimePoint answered_syn_delivered_at{};
  TimePoint syn_ack_delivered_at{};
  Duration rtt_server{0};
  Duration rtt_server_net{0};
  Duration rtt_client{0};
  Duration rtt_initial{0};

  TcpEndpoint& of(Role role) noexcept { return role == Role::client ? client : server; }
  const TcpEndpoint& of(Role role) const noexcept { return role == Role::client ? client : server; }
};

}  // namespace wobble
