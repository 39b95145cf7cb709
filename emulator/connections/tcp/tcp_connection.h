// What is kept of one TCP connection: two endpoints as RFC 9293 3.3.1 would have them, as far as the middle can know.
// Plain data; the transition table and the tracker give it meaning.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "emulator/connections/tcp/conn_state.h"
#include "emulator/connections/tcp/handshake.h"
#include "emulator/connections/tcp/mark_list.h"
#include "emulator/connections/tcp/sequence.h"
#include "emulator/connections/tcp/tcp_troubles.h"
#include "emulator/events/event.h"
#include "emulator/events/rule.h"
#include "emulator/packed.h"
#include "emulator/time.h"

namespace wobble {

/// How a sender repairs a loss: by what its peer says, or because a timer ran out. It is over when all is acknowledged
/// that it had sent when it began (RFC 6582, RFC 6298 5).
enum class Recovery : std::uint8_t { none, fast, timeout };

/// A TcpOffer in four bytes; its window scale is the endpoint's.
struct KeptOffer {
  std::uint32_t mss : 16 = 0;
  bool has_window_scale : 1 = false;
  bool sack : 1 = false;
  bool timestamps : 1 = false;
  bool multipath : 1 = false;
  bool data_in_syn : 1 = false;
  FastOpen fast_open : 2 = FastOpen::none;
  Ecn ecn : 2 = Ecn::none;
};
static_assert(sizeof(KeptOffer) == 4);

// In the order that leaves no gap: there are two for each connection of a full table.
struct TcpEndpoint {
  // What was seen of it. Each guards the numbers named beside it.
  static constexpr std::uint16_t kSentSyn = 1 << 0;           ///< iss; by SYN or SYN-ACK
  static constexpr std::uint16_t kSentSynAck = 1 << 1;        //
  static constexpr std::uint16_t kSentFin = 1 << 2;           ///< fin_end
  static constexpr std::uint16_t kHasSent = 1 << 3;           ///< snd_max, una
  static constexpr std::uint16_t kHasAcked = 1 << 4;          ///< ack_sent, right_edge
  static constexpr std::uint16_t kHasReceived = 1 << 5;       ///< rcv_nxt
  static constexpr std::uint16_t kHasScale = 1 << 6;          ///< window_scale: its SYN offered one
  static constexpr std::uint16_t kFinAgain = 1 << 7;          ///< in TIME_WAIT: the peer's FIN came once more
  static constexpr std::uint16_t kChallenged = 1 << 8;        ///< a RST in window but not exact was delivered
  static constexpr std::uint16_t kInferredOpen = 1 << 9;      ///< ESTABLISHED by row syn_acknowledged, and silent since
  static constexpr std::uint16_t kReset = 1 << 10;            ///< it is CLOSED because of a RST
  static constexpr std::uint16_t kTimedOut = 1 << 11;         ///< it is CLOSED because of a time-out
  static constexpr std::uint16_t kMaxIsScaled = 1 << 12;      ///< max_window is of a window that is to be scaled
  static constexpr std::uint16_t kWindowDelivered = 1 << 13;  ///< window_delivered
  static constexpr std::uint16_t kTwoIsns = 1 << 14;          ///< DataOddities::other_isn

  TcpState state = TcpState::none;
  std::uint8_t window_scale = 0;
  TcpState before_closed : 4 = TcpState::none;  ///< where a correction returns to
  Recovery recovery : 2 = Recovery::none;
  bool is_window_closed : 1 = false;
  bool has_window : 1 = false;
  Rule closed_rule : 6 = Rule::timer;
  std::uint8_t dup_acks_delivered : 2 = 0;  ///< to it, since its data was last acknowledged further; 3: or more
  std::uint16_t seen = 0;
  std::uint16_t window_sent = 0;       ///< as written
  std::uint16_t window_delivered = 0;  ///< the last that reached the peer, as written
  Count48 unique_payload;
  KeptOffer offer;
  Packed<TimePoint> since;        ///< when it entered its state; in TIME_WAIT when 2MSL last began
  SequenceNumber iss = 0;         ///< of its SYN
  SequenceNumber snd_max = 0;     ///< just past the highest it sent
  SequenceNumber una = 0;         ///< the highest ACK delivered to it
  SequenceNumber fin_end = 0;     ///< just past its FIN
  SequenceNumber ack_sent = 0;    ///< the highest ACK it sent
  SequenceNumber rcv_nxt = 0;     ///< the contiguous edge of what was delivered to it; >= ack_sent
  SequenceNumber right_edge = 0;  ///< the highest ack + window it sent
  MarkList marks;                 ///< of its segments in flight: what to tell when they land
  TroublesIndex troubles = 0;     ///< with what it sends: of a TroublePool

  // Of its sending, figures of api/FIGURES.md.
  std::uint16_t initial_window = 0;
  std::uint16_t max_window = 0;  ///< as written
  std::uint32_t max_in_flight = 0;

  bool has(std::uint16_t what) const noexcept { return (seen & what) != 0; }
};

static_assert(sizeof(TcpEndpoint) == 72);

struct TcpConnection {
  TcpEndpoint client;
  TcpEndpoint server;
  [[no_unique_address]] Handshake handshake;
  Rule opened_rule : 6 = Rule::syn;  ///< syn, restart, port_reuse, syn_within_answered; midstream if picked up
  bool midstream : 1 = false;
  bool liberal : 1 = false;  ///< windows are not known well enough to judge by them
  ClosedBy closed_by : 2 = ClosedBy::nobody;
  ClosedBy closed_first : 2 = ClosedBy::nobody;  ///< by what was sent, believed or not
  bool had_fin : 1 = false;                      ///< before any RST
  bool was_established : 1 = false;              ///< either endpoint
  bool fast_open_accepted : 1 = false;           ///< the SYN-ACK acknowledged data of the SYN
  bool has_pending_syn : 1 = false;              ///< DataOddities::pending, of the client
  [[no_unique_address]] WireFacts facts;

  TcpEndpoint& of(Role role) noexcept { return role == Role::client ? client : server; }
  const TcpEndpoint& of(Role role) const noexcept { return role == Role::client ? client : server; }
};

/// What an endpoint sent before a segment reached it may arrive here so long after we released that segment; only what
/// comes later contradicts what the segment should have done. Twice its round trip beyond us as the handshake measured
/// it, but not less than a busy machine may leave a packet unread.
inline Duration crossing_of(const TcpConnection& connection, Role who) noexcept {
  constexpr Duration kUnread = std::chrono::milliseconds(5), kUnknown = std::chrono::milliseconds(100);
  const Handshake& h = connection.handshake;
  const Duration beyond_us = who == Role::client ? h.rtt_client() : h.rtt_server_net();
  return beyond_us == Duration{0} ? kUnknown : std::max(2 * beyond_us, kUnread);
}

/// The SYN of `connection` that waits to be understood; nullptr if there is none.
inline const PendingSyn* pending_syn(const TcpConnection& connection, const TroublePool& pool) noexcept {
  return connection.has_pending_syn ? &pool.known_oddities(connection.client.troubles).pending : nullptr;
}

}  // namespace wobble
