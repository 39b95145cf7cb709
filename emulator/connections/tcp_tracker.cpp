#include "emulator/connections/tcp_tracker.h"

#include <algorithm>
#include <bit>

#include "emulator/connections/tcp_figures.h"
#include "emulator/connections/transition_conditions.h"

namespace wobble {

bool Steps::has_change() const noexcept {
  return std::any_of(begin(), end(), [](const Step& step) { return step.from != step.to; });
}

void TcpTracker::change(TcpConnection& connection, Role side, TcpState to, const Step& because, TimePoint now,
                        Steps& steps) const noexcept {
  TcpEndpoint& x = connection.of(side);
  steps.add({side, x.state, to, because.evidence, because.rule});
  if (to == x.state) return;
  if (to == TcpState::closed) {
    x.before_closed = x.state;
    x.closed_rule = because.rule;
  }
  if (to == TcpState::established) connection.was_established = true;
  x.state = to;
  x.since = now;
}

void TcpTracker::apply(const Row& row, const Occasion& o, Steps& steps) const noexcept {
  if (row.then != nullptr) row.then(o);
  TcpEndpoint& x = o.x();
  TcpState to = x.state;
  switch (row.to) {
    case Target::same: break;
    case Target::before_closed: to = x.before_closed; break;
    case Target::before_fin: {
      const TcpEndpoint& y = o.y();
      const bool has_peer_fin =
          y.has(TcpEndpoint::kSentFin) && x.has(TcpEndpoint::kHasAcked) && !is_before(x.ack_sent, y.fin_end);
      to = has_peer_fin ? TcpState::close_wait : TcpState::established;
      break;
    }
    default: to = static_cast<TcpState>(row.to);
  }
  change(o.connection, o.who, to, {o.who, x.state, to, row.evidence, row.rule}, o.now, steps);
  if (row.rule == Rule::syn_ack_unseen) {
    const Step implied{peer_of(o.who), TcpState::none, TcpState::syn_received, Evidence::implied, row.rule};
    change(o.connection, peer_of(o.who), TcpState::syn_received, implied, o.now, steps);
  }
}

// Asks the rows in their order; each sees the state the one before left. False if one of them said stop.
bool TcpTracker::run(std::span<const Row> rows, std::uint64_t (*candidates)(SegmentKind, TcpState), const Occasion& o,
                     Steps& steps) const noexcept {
  std::uint64_t later = ~std::uint64_t{0};
  for (;;) {
    const std::uint64_t left = candidates(o.kind, o.x().state) & later;
    if (left == 0) return true;
    const int i = std::countr_zero(left);
    later = i == 63 ? 0 : ~std::uint64_t{0} << (i + 1);
    const Row& row = rows[static_cast<std::size_t>(i)];
    if (row.when != nullptr && !row.when(o)) continue;
    apply(row, o, steps);
    if (row.stop) return false;
  }
}

Sending TcpTracker::sent(TcpConnection& connection, Role who, const PacketView& packet, bool is_lost, TimePoint now,
                         Steps& steps) const noexcept {
  const TcpSegment& segment = packet.tcp;
  Sending sending;
  const SegmentKind kind = kind_of(segment);
  TcpEndpoint& x = connection.of(who);
  const Occasion o{connection, ranges_, troubles_, segment, who, kind, now, x.has(TcpEndpoint::kSentFin)};
  const bool is_of_another = kind == SegmentKind::rst && condition::is_reset_of_earlier(o);
  if (!is_of_another) sending.is_close = connection.facts.see(who, segment);
  if (has_odd_flags(segment)) troubles_.count(x.troubles, Trouble::invalid_flags);
  if (kind == SegmentKind::invalid) return sending;
  if (connection.opened_rule == Rule::syn_within_answered && o.y().state == TcpState::none) {
    const Step implied{peer_of(who), {}, {}, Evidence::implied, Rule::syn_within_answered};
    change(connection, peer_of(who), TcpState::syn_sent, implied, now, steps);
  }
  settle_claims(o, steps);
  take_back_implied_fin(o, steps);
  if (x.has(TcpEndpoint::kChallenged) && kind == SegmentKind::ack && segment.length == 0)
    o.count(Trouble::challenge_answer);
  x.seen &= ~TcpEndpoint::kChallenged;

  measure_sent(o, packet, sending);
  const TcpState before = x.state;
  if (!is_stream(connection, kind)) run(sent_rows(), sent_candidates, o, steps);
  if (kind == SegmentKind::syn_ack && segment.has(tcp_flag::kFin)) {  // it answers, and then it closes
    const Occasion closing{connection, ranges_, troubles_, segment, who, SegmentKind::fin, now, o.had_fin};
    run(sent_rows(), sent_candidates, closing, steps);
  }
  if (kind == SegmentKind::rst) return sending;
  if (kind != SegmentKind::syn_ack) x.seen &= ~TcpEndpoint::kInferredOpen;
  if (before == TcpState::syn_sent && x.state != before && kind != SegmentKind::syn_ack) {
    connection.handshake.completed(now);
  }
  time_sent(o, packet);
  account_sent(o, packet);
  if (x.troubles != 0 && o.lists().claim.is_there) settle_own_claim(o, steps);
  if (is_lost) lost(connection, who, segment);
  troubles_.tidy_lists(x.troubles);
  troubles_.tidy_lists(o.y().troubles);
  return sending;
}

// No row but those on acknowledgements and windows asks about such a segment.
bool TcpTracker::is_stream(const TcpConnection& connection, SegmentKind kind) const noexcept {
  const TcpEndpoint& x = connection.client;
  const TcpEndpoint& y = connection.server;
  return kind == SegmentKind::ack && x.state == TcpState::established && y.state == TcpState::established &&
         !connection.has_pending_syn && ((x.seen | y.seen) & TcpEndpoint::kSentFin) == 0;
}

// What comes next may fill a hole, or settle a claim.
bool TcpTracker::awaits_what_is_missing(const TcpEndpoint& x) const noexcept {
  if (x.troubles == 0) return false;
  const DataLists& lists = troubles_.known_lists(x.troubles);
  return lists.holes.count > 0 || lists.claim.is_there || lists.has_acked;
}

// In sequence, with data or a new acknowledgement, its window open: neither a repetition, a gap, a probe nor a sign of
// one, and believed in whatever it says.
bool TcpTracker::sent_on(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept {
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
  note_acknowledgement(connection, who, segment.ack, window);
  return true;
}

bool TcpTracker::delivered_on(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept {
  if (!is_stream(connection, kind_of(segment))) return false;
  const TcpEndpoint& x = connection.of(who);
  constexpr std::uint16_t kKnown = TcpEndpoint::kHasSent | TcpEndpoint::kHasAcked | TcpEndpoint::kHasReceived;
  const bool is_within_window =
      !is_before(segment.seq + segment.length, x.ack_sent) && !is_after(segment.seq, later_of(x.right_edge, x.rcv_nxt));
  if ((x.seen & kKnown) != kKnown || (connection.midstream && !connection.liberal) ||
      (!is_within_window && !connection.liberal) || is_after(segment.ack, x.snd_max)) {
    return false;
  }
  measure_delivered(connection, who, segment);
  note_delivered_ack(connection, who, segment.ack);
  if (segment.length > 0) receive(connection, who, segment.seq, segment.length);
  return true;
}

// The first of them has shown what its acknowledgement and its window say: again, they say nothing new.
bool TcpTracker::sent_rest(TcpConnection& connection, Role who, const TcpSegment& rest) const noexcept {
  TcpEndpoint& x = connection.of(who);
  const bool goes_on = x.has(TcpEndpoint::kHasSent) && rest.seq == x.snd_max && rest.length > 0;
  if (!goes_on || x.is_window_closed || awaits_what_is_missing(x) || !is_stream(connection, kind_of(rest)))
    return false;
  x.snd_max += rest.length;
  x.unique_payload += rest.length;
  x.max_in_flight = std::max(x.max_in_flight, x.snd_max - x.una);
  return true;
}

bool TcpTracker::delivered_rest(TcpConnection& connection, Role who, const TcpSegment& rest) const noexcept {
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

void TcpTracker::account_sent(const Occasion& o, const PacketView& packet) const noexcept {
  TcpEndpoint& x = o.x();
  const TcpEndpoint& y = o.y();
  const TcpSegment& segment = o.segment;
  const bool is_syn = segment.has(tcp_flag::kSyn);
  if (is_syn) {
    const PendingSyn* known = o.pending();
    const bool is_pending = known != nullptr && known->from == o.who && known->isn == segment.seq;
    const TcpOptions options = parse_tcp_options(packet);
    if (is_pending) {
      PendingSyn& pending = o.pool.need_oddities(o.connection.client.troubles).pending;
      pending.has_scale = options.has_window_scale;
      pending.window_scale = options.window_scale;
      pending.is_scale_cut = options.is_scale_unknown();
    }
    if (!condition::is_same_isn(o)) return;
    note_offer(o, options);
    if (options.is_scale_unknown()) o.connection.liberal = true;
    if (options.has_window_scale) {
      x.seen |= TcpEndpoint::kHasScale;
      x.window_scale = options.window_scale;
    }
  }
  const bool is_beyond_offer = condition::is_beyond_offer(o), is_ahead = condition::is_ahead(o);
  if (is_beyond_offer || is_ahead) claim(o, is_beyond_offer);
  if (is_beyond_offer) return;

  const SequenceNumber end = segment.seq + segment.sequence_length();
  if (!x.has(TcpEndpoint::kHasSent)) {
    x.snd_max = x.una = segment.seq;
    x.seen |= TcpEndpoint::kHasSent;
  }
  const SequenceNumber before = x.snd_max;
  if (!is_ahead) x.snd_max = later_of(x.snd_max, end);
  measure_progress(o, before);
  if (!segment.has(tcp_flag::kAck)) return;
  if (y.has(TcpEndpoint::kHasSent) && is_after(segment.ack, y.snd_max)) return;
  note_acknowledgement(o.connection, o.who, segment.ack, window_of(x, y, segment));
}

void TcpTracker::note_acknowledgement(TcpConnection& connection, Role who, SequenceNumber ack,
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

void TcpTracker::lost(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept {
  const std::uint32_t length = segment.sequence_length();
  const SegmentKind kind = kind_of(segment);
  if (length == 0 || kind == SegmentKind::rst || kind == SegmentKind::invalid) return;
  TcpEndpoint& x = connection.of(who);
  if (!x.has(TcpEndpoint::kHasSent) || is_after(segment.seq + length, x.snd_max)) return;
  ranges_.add(troubles_.need_lists(x.troubles).dropped, segment.seq, segment.seq + length);
}

void TcpTracker::delivered(TcpConnection& connection, Role who, const TcpSegment& segment, TimePoint arrived,
                           TimePoint now, Steps& steps) const noexcept {
  const SegmentKind kind = kind_of(segment);
  if (kind == SegmentKind::invalid) return;
  const Occasion o{connection, ranges_, troubles_, segment,
                   who,        kind,    now,       connection.of(who).has(TcpEndpoint::kSentFin)};
  const std::uint8_t first = steps.count;
  const bool is_usual = is_stream(connection, kind) && !condition::acks_unsent(o) && !condition::is_window_unknown(o) &&
                        !condition::is_outside_window(o);
  const bool goes_on = is_usual || run(delivered_rows(), delivered_candidates, o, steps);
  if (kind == SegmentKind::rst) return;
  // A row that stops without a change has found the segment unacceptable: nothing in it counts.
  if (!goes_on && steps.count > first && steps.items[steps.count - 1].from == steps.items[steps.count - 1].to) return;
  time_delivered(connection, kind, arrived, now);
  measure_delivered(connection, who, segment);
  account_delivered(o);
  troubles_.tidy_lists(o.x().troubles);
  troubles_.tidy_lists(o.y().troubles);
}

void TcpTracker::icmp_error(TcpConnection& connection, Role who, const IcmpError& error, TimePoint now,
                            Steps& steps) const noexcept {
  const SegmentKind kind = error.is_refusal ? SegmentKind::icmp_refused : SegmentKind::icmp_unreachable;
  const Occasion o{connection, ranges_, troubles_, error.about.tcp, who, kind, now, false, error.ends_request};
  run(delivered_rows(), delivered_candidates, o, steps);
}

void TcpTracker::time_sent(const Occasion& o, const PacketView& packet) const noexcept {
  const bool is_own_syn = o.kind == SegmentKind::syn && o.who == Role::client && o.segment.seq == o.x().iss;
  if (!is_own_syn && o.kind != SegmentKind::syn_ack) return;
  const TcpOptions options = parse_tcp_options(packet);
  const auto if_there = [&](std::uint32_t value) {
    return options.has_timestamps ? std::optional(value) : std::nullopt;
  };
  if (is_own_syn) return o.connection.handshake.syn_sent(if_there(options.ts_value));
  o.connection.handshake.syn_ack_sent(if_there(options.ts_echo), o.now);
}

void TcpTracker::time_delivered(TcpConnection& connection, SegmentKind kind, TimePoint arrived,
                                TimePoint now) const noexcept {
  if (kind == SegmentKind::syn && !connection.server.has(TcpEndpoint::kSentSyn)) {
    connection.handshake.syn_delivered(arrived, now);
  }
  if (kind == SegmentKind::syn_ack && connection.client.state == TcpState::syn_sent) {
    connection.handshake.syn_ack_delivered(now);
  }
}

SequenceNumber TcpTracker::absorb(TcpConnection& connection, Role who, SequenceNumber edge) const noexcept {
  TroublesIndex& troubles = connection.of(peer_of(who)).troubles;
  if (troubles_.known_lists(troubles).out_of_order.count == 0) return edge;
  return ranges_.absorb(troubles_.need_lists(troubles).out_of_order, edge);
}

void TcpTracker::account_delivered(const Occasion& o) const noexcept {
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

void TcpTracker::note_delivered_ack(TcpConnection& connection, Role who, SequenceNumber ack) const noexcept {
  TcpEndpoint& x = connection.of(who);
  x.una = later_of(x.una, ack);
  if (x.troubles == 0 || troubles_.known_lists(x.troubles).dropped.count == 0) return;
  ranges_.forget_below(troubles_.need_lists(x.troubles).dropped, x.una);
  troubles_.tidy_lists(x.troubles);
}

void TcpTracker::receive(TcpConnection& connection, Role who, SequenceNumber seq, std::uint32_t length) const noexcept {
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

void TcpTracker::begin_with_pending(TcpConnection& connection, Role client, const PendingSyn& pending) noexcept {
  TcpEndpoint& x = connection.of(client);
  x.iss = x.una = pending.isn;
  x.snd_max = pending.isn + 1;
  x.seen = TcpEndpoint::kSentSyn | TcpEndpoint::kHasSent;
  x.window_scale = pending.window_scale;
  if (pending.has_scale) x.seen |= TcpEndpoint::kHasScale;
  if (pending.is_scale_cut) connection.liberal = true;
  TcpSegment syn;
  syn.seq = pending.isn;
  syn.flags = tcp_flag::kSyn;
  connection.facts.see(client, syn);
}

}  // namespace wobble
