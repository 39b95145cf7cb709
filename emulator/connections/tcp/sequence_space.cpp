#include "emulator/connections/tcp/sequence_space.h"

namespace wobble {

void SequenceSpace::note_acknowledgement(TcpConnection& connection, Role who, SequenceNumber ack,
                                         std::uint32_t window) const noexcept {
  TcpEndpoint& x = connection.of(who);
  const SequenceNumber edge = ack + window;
  const bool is_first = !x.has(TcpEndpoint::kHasAcked);
  x.ack_sent = is_first ? ack : later_of(x.ack_sent, ack);
  x.right_edge = is_first ? edge : later_of(x.right_edge, edge);
  x.rcv_nxt = x.has(TcpEndpoint::kHasReceived) ? later_of(x.rcv_nxt, x.ack_sent) : x.ack_sent;
  x.seen |= TcpEndpoint::kHasAcked | TcpEndpoint::kHasReceived;
  TroublesIndex& troubles = connection.of(peer_of(who)).troubles;
  if (troubles == 0) return;
  x.rcv_nxt = absorb(connection, who, x.rcv_nxt);
  forget_repaired(connection, who);
  troubles_.tidy_lists(troubles);
}

void SequenceSpace::note_delivered_ack(TcpConnection& connection, Role who, SequenceNumber ack) const noexcept {
  TcpEndpoint& x = connection.of(who);
  x.una = later_of(x.una, ack);
  if (x.troubles == 0 || troubles_.known_lists(x.troubles).dropped.count == 0) return;
  ranges_.forget_below(troubles_.need_lists(x.troubles).dropped, x.una);
  troubles_.tidy_lists(x.troubles);
}

void SequenceSpace::receive(TcpConnection& connection, Role who, SequenceNumber seq,
                            std::uint32_t length) const noexcept {
  TcpEndpoint& x = connection.of(who);
  if (!x.has(TcpEndpoint::kHasReceived)) {
    x.rcv_nxt = seq + length;
    x.seen |= TcpEndpoint::kHasReceived;
  } else if (is_after(seq, x.rcv_nxt)) {
    ranges_.add(troubles_.need_lists(connection.of(peer_of(who)).troubles).out_of_order, seq, seq + length);
  } else {
    x.rcv_nxt = absorb(connection, who, later_of(x.rcv_nxt, seq + length));
    troubles_.tidy_lists(connection.of(peer_of(who)).troubles);
  }
}

void SequenceSpace::deliver(const Occasion& o) const noexcept {
  TcpEndpoint& x = o.x();
  TcpEndpoint& y = o.y();
  const TcpSegment& segment = o.segment;
  if (segment.has(tcp_flag::kAck) && x.has(TcpEndpoint::kHasSent)) note_delivered_ack(o.connection, o.who, segment.ack);
  const std::uint32_t length = segment.sequence_length();
  if (x.state == TcpState::time_wait && segment.has(tcp_flag::kFin) && y.has(TcpEndpoint::kSentFin) &&
      segment.seq + length == y.fin_end) {
    x.seen |= TcpEndpoint::kFinAgain;
  }
  const bool is_reset =
      x.state == TcpState::closed && x.has(TcpEndpoint::kReset) && x.closed_rule != Rule::opening_given_up;
  if (length == 0 || is_reset) return;  // it takes nothing any more: see has_acked_since()
  if (segment.has(tcp_flag::kSyn)) {
    if (x.has(TcpEndpoint::kHasAcked) || !y.has(TcpEndpoint::kSentSyn) || segment.seq != y.iss) return;
    if (o.lists_of_y().out_of_order.count > 0) ranges_.release(o.need_lists_of_y().out_of_order);
    x.rcv_nxt = segment.seq + 1;  // data in a SYN counts once it is acknowledged (RFC 7413)
    x.seen |= TcpEndpoint::kHasReceived;
    return;
  }
  receive(o.connection, o.who, segment.seq, length);
}

void SequenceSpace::lose(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept {
  const std::uint32_t length = segment.sequence_length();
  const SegmentKind kind = kind_of(segment);
  if (length == 0 || kind == SegmentKind::rst || kind == SegmentKind::invalid) return;
  TcpEndpoint& x = connection.of(who);
  if (!x.has(TcpEndpoint::kHasSent) || is_after(segment.seq + length, x.snd_max)) return;
  ranges_.add(troubles_.need_lists(x.troubles).dropped, segment.seq, segment.seq + length);
}

SequenceNumber SequenceSpace::absorb(TcpConnection& connection, Role who, SequenceNumber edge) const noexcept {
  TroublesIndex& troubles = connection.of(peer_of(who)).troubles;
  if (troubles_.known_lists(troubles).out_of_order.count == 0) return edge;
  return ranges_.absorb(troubles_.need_lists(troubles).out_of_order, edge);
}

void SequenceSpace::forget_repaired(TcpConnection& connection, Role who) const noexcept {
  const TcpEndpoint& x = connection.of(who);
  TroublesIndex& troubles = connection.of(peer_of(who)).troubles;
  const DataLists& known = troubles_.known_lists(troubles);
  if (known.sacked.count == 0 && known.repeated.count == 0) return;
  DataLists& lists = troubles_.need_lists(troubles);
  ranges_.forget_below(lists.sacked, x.ack_sent);
  if (is_after(x.ack_sent, lists.repeated_until)) ranges_.release(lists.repeated);
}

}  // namespace wobble
