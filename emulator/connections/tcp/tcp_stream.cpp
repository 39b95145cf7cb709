#include "emulator/connections/tcp/tcp_stream.h"

#include <algorithm>

#include "emulator/connections/tcp/tcp_repairs.h"
#include "emulator/connections/tcp/tcp_window.h"

namespace wobble {

bool TcpStream::is_stream(const TcpConnection& connection, SegmentKind kind) noexcept {
  const TcpEndpoint& x = connection.client;
  const TcpEndpoint& y = connection.server;
  return kind == SegmentKind::ack && x.state == TcpState::established && y.state == TcpState::established &&
         !connection.has_pending_syn && ((x.seen | y.seen) & TcpEndpoint::kSentFin) == 0;
}

// What comes next may fill a hole, or settle a claim.
bool TcpStream::awaits_what_is_missing(const TcpEndpoint& x) const noexcept {
  if (x.troubles == 0) return false;
  const DataLists& lists = troubles_.known_lists(x.troubles);
  return lists.holes.count > 0 || lists.claim.is_there || lists.has_acked;
}

// In sequence, with data or a new acknowledgement, its window open: neither a repetition, a gap, a probe nor a sign of
// one, and believed in whatever it says.
bool TcpStream::sent(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept {
  constexpr std::uint16_t kBothKnow = TcpEndpoint::kHasSent | TcpEndpoint::kHasAcked;
  constexpr std::uint16_t kKnown = kBothKnow | TcpEndpoint::kHasReceived;
  constexpr std::uint16_t kUnusual = TcpEndpoint::kChallenged | TcpEndpoint::kInferredOpen;
  if (!is_stream(connection, kind_of(segment))) return false;
  TcpEndpoint& x = connection.of(who);
  const TcpEndpoint& y = connection.of(peer_of(who));
  const std::uint32_t window = window_of(x, y, segment);
  const bool goes_on = segment.seq == x.snd_max && (segment.length > 0 || segment.ack != x.ack_sent);
  const bool is_known = (x.seen & (kKnown | kUnusual)) == kKnown && (y.seen & kBothKnow) == kBothKnow;
  if (!goes_on || !is_known || awaits_what_is_missing(x) || window == 0 || x.is_window_closed || !x.has_window ||
      is_after(segment.ack, y.snd_max) || !connection.facts.knows(who, segment.length > 0)) {
    return false;
  }
  note_window(x, segment, window);
  x.snd_max += segment.length;
  x.unique_payload += segment.length;
  x.max_in_flight = std::max(x.max_in_flight, x.snd_max - x.una);
  space_.note_acknowledgement(connection, who, segment.ack, window);
  return true;
}

bool TcpStream::delivered(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept {
  if (!is_stream(connection, kind_of(segment))) return false;
  const TcpEndpoint& x = connection.of(who);
  constexpr std::uint16_t kKnown = TcpEndpoint::kHasSent | TcpEndpoint::kHasAcked | TcpEndpoint::kHasReceived;
  const bool is_within_window =
      !is_before(segment.seq + segment.length, x.ack_sent) && !is_after(segment.seq, later_of(x.right_edge, x.rcv_nxt));
  if ((x.seen & kKnown) != kKnown || (connection.midstream && !connection.liberal) ||
      (!is_within_window && !connection.liberal) || is_after(segment.ack, x.snd_max)) {
    return false;
  }
  hear_delivered(connection, who, segment, troubles_);
  space_.note_delivered_ack(connection, who, segment.ack);
  if (segment.length > 0) space_.receive(connection, who, segment.seq, segment.length);
  return true;
}

// The first of them has shown what its acknowledgement and its window say: again, they say nothing new.
bool TcpStream::sent_rest(TcpConnection& connection, Role who, const TcpSegment& rest) const noexcept {
  TcpEndpoint& x = connection.of(who);
  const bool goes_on = x.has(TcpEndpoint::kHasSent) && rest.seq == x.snd_max && rest.length > 0;
  if (!goes_on || x.is_window_closed || awaits_what_is_missing(x) || !is_stream(connection, kind_of(rest)))
    return false;
  x.snd_max += rest.length;
  x.unique_payload += rest.length;
  x.max_in_flight = std::max(x.max_in_flight, x.snd_max - x.una);
  return true;
}

bool TcpStream::delivered_rest(TcpConnection& connection, Role who, const TcpSegment& rest) const noexcept {
  TcpEndpoint& x = connection.of(who);
  const bool goes_on = x.has(TcpEndpoint::kHasReceived) && rest.seq == x.rcv_nxt && rest.length > 0;
  const bool has_beyond = troubles_.known_lists(connection.of(peer_of(who)).troubles).out_of_order.count > 0;
  if (!goes_on || has_beyond || !is_stream(connection, kind_of(rest))) return false;
  const bool is_acceptable = !x.has(TcpEndpoint::kHasAcked) || !is_before(x.rcv_nxt, x.ack_sent);
  const bool acks_unsent = x.has(TcpEndpoint::kHasSent) && is_after(rest.ack, x.snd_max);
  if (!is_acceptable || acks_unsent || (connection.midstream && !connection.liberal)) return false;
  x.rcv_nxt += rest.length;
  return true;
}

}  // namespace wobble
