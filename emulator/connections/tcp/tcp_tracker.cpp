#include "emulator/connections/tcp/tcp_tracker.h"

#include <bit>

#include "emulator/connections/tcp/tcp_claims.h"
#include "emulator/connections/tcp/tcp_figures.h"
#include "emulator/connections/tcp/tcp_offer.h"
#include "emulator/connections/tcp/tcp_stream.h"
#include "emulator/connections/tcp/tcp_window.h"
#include "emulator/connections/tcp/transition_conditions.h"

namespace wobble {

void TcpTracker::apply(const Row& row, const Occasion& o, Steps& steps) noexcept {
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
  change_state(o.connection, o.who, to, {o.who, x.state, to, row.evidence, row.rule}, o.now, steps);
  if (row.rule == Rule::syn_ack_unseen) {
    const Step implied{peer_of(o.who), TcpState::none, TcpState::syn_received, Evidence::implied, row.rule};
    change_state(o.connection, peer_of(o.who), TcpState::syn_received, implied, o.now, steps);
  }
}

bool TcpTracker::run(std::span<const Row> rows, std::uint64_t (*candidates)(SegmentKind, TcpState), const Occasion& o,
                     Steps& steps) noexcept {
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
    change_state(connection, peer_of(who), TcpState::syn_sent, implied, now, steps);
  }
  settle_claims(o, steps);
  take_back_implied_fin(o, steps);
  if (x.has(TcpEndpoint::kChallenged) && kind == SegmentKind::ack && segment.length == 0)
    o.count(Trouble::challenge_answer);
  x.seen &= ~TcpEndpoint::kChallenged;

  measure_sent(o, packet, sending);
  const TcpState before = x.state;
  if (!TcpStream::is_stream(connection, kind)) run(sent_rows(), sent_candidates, o, steps);
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
  if (is_beyond_offer || is_ahead) hold_claim(o, is_beyond_offer);
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
  space_.note_acknowledgement(o.connection, o.who, segment.ack, window_of(x, y, segment));
}

void TcpTracker::delivered(TcpConnection& connection, Role who, const TcpSegment& segment, TimePoint arrived,
                           TimePoint now, Steps& steps) const noexcept {
  const SegmentKind kind = kind_of(segment);
  if (kind == SegmentKind::invalid) return;
  const Occasion o{connection, ranges_, troubles_, segment,
                   who,        kind,    now,       connection.of(who).has(TcpEndpoint::kSentFin)};
  const std::uint8_t first = steps.count;
  const bool is_usual = TcpStream::is_stream(connection, kind) && !condition::acks_unsent(o) &&
                        !condition::is_window_unknown(o) && !condition::is_outside_window(o);
  const bool goes_on = is_usual || run(delivered_rows(), delivered_candidates, o, steps);
  if (kind == SegmentKind::rst) return;
  // A row that stops without a change has found the segment unacceptable: nothing in it counts.
  if (!goes_on && steps.count > first && steps.items[steps.count - 1].from == steps.items[steps.count - 1].to) return;
  time_delivered(connection, kind, arrived, now);
  hear_delivered(connection, who, segment, troubles_);
  space_.deliver(o);
  troubles_.tidy_lists(o.x().troubles);
  troubles_.tidy_lists(o.y().troubles);
}

void TcpTracker::icmp_error(TcpConnection& connection, Role who, const IcmpError& error, TimePoint now,
                            Steps& steps) const noexcept {
  const SegmentKind kind = error.is_refusal ? SegmentKind::icmp_refused : SegmentKind::icmp_unreachable;
  const Occasion o{connection, ranges_, troubles_, error.about.tcp, who, kind, now, false, error.ends_request};
  run(delivered_rows(), delivered_candidates, o, steps);
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
