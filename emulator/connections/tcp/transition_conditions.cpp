#include "emulator/connections/tcp/transition_conditions.h"

namespace wobble::condition {
namespace {

bool has_ack(const Occasion& o) { return o.segment.has(tcp_flag::kAck); }
SequenceNumber data_end(const Occasion& o) { return o.segment.seq + o.segment.length; }

// Whether `ack` is one that Y's sending allows: X cannot have received what never passed here.
bool is_possible_ack(const TcpEndpoint& y, SequenceNumber ack) {
  return !y.has(TcpEndpoint::kHasSent) || !is_after(ack, y.snd_max);
}

// Y's FIN and all before it were delivered to X, before this segment.
bool has_received_fin(const Occasion& o) {
  const TcpEndpoint& x = o.x();
  const TcpEndpoint& y = o.y();
  return y.has(TcpEndpoint::kSentFin) && x.has(TcpEndpoint::kHasReceived) && !is_before(x.rcv_nxt, y.fin_end);
}

// The first FIN of an endpoint that a RST has closed a moment ago, right behind what it had sent.
bool is_fin_behind_reset(const Occasion& o) {
  const TcpEndpoint& x = o.x();
  return x.closed_rule == Rule::reset_accepted && !o.had_fin && o.segment.seq == x.snd_max &&
         o.now - x.since.get() <= crossing_of(o.connection, o.who);
}

// X, which is CLOSED, acknowledges what was delivered to it since.
bool has_acked_since(const Occasion& o) {
  const TcpEndpoint& x = o.x();
  return has_ack(o) && x.has(TcpEndpoint::kHasReceived) && is_after(o.segment.ack, x.rcv_nxt) &&
         is_possible_ack(o.y(), o.segment.ack);
}

// A SYN that this record was opened for, before anything else of X was seen.
bool is_fresh(const Occasion& o, Rule rule) {
  return o.connection.opened_rule == rule && !o.x().has(TcpEndpoint::kHasSent);
}

}  // namespace

bool is_first_syn(const Occasion& o) noexcept { return is_fresh(o, Rule::syn) && o.y().state != TcpState::syn_sent; }
bool is_syn_of_restart(const Occasion& o) noexcept {
  return is_fresh(o, Rule::restart) && o.y().state == TcpState::none;
}
bool is_syn_of_reuse(const Occasion& o) noexcept {
  return is_fresh(o, Rule::port_reuse) && o.y().state == TcpState::none;
}

bool is_same_isn(const Occasion& o) noexcept { return o.x().has(TcpEndpoint::kSentSyn) && o.segment.seq == o.x().iss; }
bool is_other_isn(const Occasion& o) noexcept { return !is_same_isn(o); }

bool repeats_refused_syn(const Occasion& o) noexcept {
  const Rule rule = o.x().closed_rule;
  const bool was_icmp = rule == Rule::icmp_refused || rule == Rule::icmp_unreachable;  // it did not give up
  return is_same_isn(o) && (was_icmp || !o.y().has(TcpEndpoint::kSentSyn));
}

bool is_simultaneous_syn(const Occasion& o) noexcept {
  return !o.x().has(TcpEndpoint::kSentSyn) && o.y().state == TcpState::syn_sent;
}

bool answers_pending_syn(const Occasion& o) noexcept { return is_fresh(o, Rule::syn_within_answered); }

bool answers_syn(const Occasion& o) noexcept {
  const TcpEndpoint& y = o.y();
  if (y.state == TcpState::none) return true;
  const bool is_opening = y.state == TcpState::syn_sent || y.state == TcpState::syn_received;
  const bool may_be_open = o.x().state == TcpState::syn_received;  // a repeated SYN-ACK crosses the third ACK
  return (is_opening || may_be_open) && y.has(TcpEndpoint::kSentSyn) && is_within(o.segment.ack, y.iss + 1, y.snd_max);
}

bool repeats_syn_ack_unheard(const Occasion& o) noexcept {
  return o.x().has(TcpEndpoint::kInferredOpen) && is_same_isn(o) &&
         o.now - o.x().since.get() > crossing_of(o.connection, o.who);
}

bool rejects_challenge(const Occasion& o) noexcept {
  const PendingSyn* pending = o.pending();
  return pending != nullptr && pending->from == o.who && o.y().has(TcpEndpoint::kHasAcked) &&
         o.segment.seq == o.y().ack_sent;
}

bool belies_pending_syn(const Occasion& o) noexcept {
  const PendingSyn* pending = o.pending();
  const TcpEndpoint& x = o.x();
  if (pending == nullptr || pending->from != o.who || !x.has(TcpEndpoint::kHasSent)) return false;
  return is_within(o.segment.seq, x.una - 1, x.snd_max);  // - 1: a keep-alive
}

bool sends_unopened(const Occasion& o) noexcept {
  const TcpEndpoint& y = o.y();
  return !o.connection.midstream && y.state == TcpState::syn_sent && has_ack(o) &&
         is_within(o.segment.ack, y.iss + 1, y.snd_max);
}

bool chooses_other_isn(const Occasion& o) noexcept {
  const TcpEndpoint& y = o.y();
  if (!has_ack(o) || !y.has(TcpEndpoint::kTwoIsns) || acks_peer_syn(o)) return false;
  return o.segment.ack == o.pool.known_oddities(y.troubles).other_isn + 1;
}

bool acks_peer_syn(const Occasion& o) noexcept {
  const TcpEndpoint& y = o.y();
  return has_ack(o) && y.has(TcpEndpoint::kSentSyn) && is_within(o.segment.ack, y.iss + 1, y.snd_max);
}

bool acks_unseen_syn_ack(const Occasion& o) noexcept {
  return has_ack(o) && !o.y().has(TcpEndpoint::kHasSent) && o.segment.seq == o.x().iss + 1;
}

bool acks_peer_fin(const Occasion& o) noexcept {
  const TcpEndpoint& y = o.y();
  return has_ack(o) && y.has(TcpEndpoint::kSentFin) && !is_before(o.segment.ack, y.fin_end) &&
         is_possible_ack(y, o.segment.ack);
}

bool has_acked_peer_fin(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  const TcpEndpoint& y = o.y();
  const bool had = x.has(TcpEndpoint::kHasAcked) && y.has(TcpEndpoint::kSentFin) && !is_before(x.ack_sent, y.fin_end);
  return had || acks_peer_fin(o);
}

bool is_beyond_offer(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  const TcpEndpoint& y = o.y();
  const bool are_windows_known = !o.connection.midstream && !o.connection.liberal;
  if (!are_windows_known || !x.has(TcpEndpoint::kHasSent) || !y.has(TcpEndpoint::kHasAcked)) return false;
  return is_after(o.segment.seq, later_of(y.right_edge, x.snd_max));
}

bool is_ahead(const Occasion& o) noexcept {
  const bool may_be_confirmed = o.y().has(TcpEndpoint::kHasSent);  // else its FIN is all there will ever be
  const bool is_alone =
      (o.kind == SegmentKind::ack && o.segment.length == 0) || (o.kind == SegmentKind::fin && may_be_confirmed);
  return is_alone && o.x().has(TcpEndpoint::kHasSent) && is_after(o.segment.seq, o.x().snd_max);
}

bool sends_fin(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  if (is_beyond_offer(o) || is_ahead(o)) return false;
  return !x.has(TcpEndpoint::kHasSent) || is_after(data_end(o) + 1, x.snd_max);
}

bool sends_fin_first(const Occasion& o) noexcept { return sends_fin(o) && !acks_peer_fin(o); }

bool repeats_fin(const Occasion& o) noexcept { return o.had_fin && data_end(o) + 1 == o.x().fin_end; }

bool answers_repeated_fin(const Occasion& o) noexcept { return o.x().has(TcpEndpoint::kFinAgain) && acks_peer_fin(o); }

bool gives_up_opening(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  // Some stacks put the number of their SYN into the RST with which they give it up; with ACK, as nothing was answered.
  return o.segment.seq == x.iss + 1 || o.segment.seq == x.snd_max || (has_ack(o) && o.segment.seq == x.iss);
}

bool answers_other_syn(const Occasion& o) noexcept {
  const TcpEndpoint& y = o.y();
  return has_ack(o) && y.state == TcpState::syn_sent && y.has(TcpEndpoint::kHasSent) &&
         !is_within(o.segment.ack, y.iss + 1, y.snd_max) &&
         !(o.connection.has_pending_syn && o.segment.ack == o.pending()->isn + 1);
}
bool is_reset_of_earlier(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  if (x.state == TcpState::none) return answers_other_syn(o);
  const Rule opened = o.connection.opened_rule;
  const bool has_earlier = opened == Rule::restart || opened == Rule::port_reuse || opened == Rule::syn_within_answered;
  const bool is_open = x.state != TcpState::closed && x.state != TcpState::time_wait;
  return has_earlier && is_open && is_implausible_reset(o);
}

bool rejects_ack(const Occasion& o) noexcept { return !has_ack(o) && !gives_up_opening(o); }

bool is_plausible_reset(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  if (!x.has(TcpEndpoint::kHasSent)) return true;
  if (is_within(o.segment.seq, x.una, x.snd_max)) return true;
  // macOS puts the RST where its FIN was; Linux accepts that (tcp_reset_check), as is_reset_at_edge() does.
  if (x.has(TcpEndpoint::kSentFin) && o.segment.seq == x.fin_end - 1) return true;
  const Claim& claim = o.lists().claim;
  if (claim.is_there && is_within(o.segment.seq, claim.begin, claim.end)) return true;
  return o.y().has(TcpEndpoint::kHasAcked) && o.segment.seq == o.y().ack_sent;
}
bool is_implausible_reset(const Occasion& o) noexcept {
  if (o.x().state == TcpState::syn_sent) return has_ack(o) && !gives_up_opening(o);
  return !is_plausible_reset(o);
}

// X sends on where it was. At once if it acknowledges what was delivered to it since (rcv_nxt stands still while it is
// CLOSED); else it may be what was on its way already.
bool ignored_reset(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  if (x.closed_rule != Rule::reset_accepted || o.segment.seq != x.snd_max) return false;
  return has_acked_since(o) || o.now - x.since.get() > crossing_of(o.connection, o.who);
}

// Who has reset sends nothing new: what it sent before the RST ends where the RST stands, or before.
bool denies_own_reset(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  if (x.closed_rule != Rule::reset_sent || o.segment.seq != x.snd_max) return false;
  return o.segment.length > 0 || has_acked_since(o);
}

bool sent_fin_before_reset(const Occasion& o) noexcept {
  const TcpState before = o.x().before_closed;
  return is_fin_behind_reset(o) && !has_acked_since(o) &&
         (before == TcpState::established || before == TcpState::syn_received);
}
bool sent_second_fin_before_reset(const Occasion& o) noexcept {
  return is_fin_behind_reset(o) && o.x().before_closed == TcpState::close_wait;
}
bool is_reset_already(const Occasion& o) noexcept {
  return o.x().has(TcpEndpoint::kReset) && o.x().closed_rule == Rule::reset_accepted;
}

bool did_not_give_up_opening(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  if (x.closed_rule != Rule::opening_given_up) return false;
  return o.kind == SegmentKind::syn ? is_same_isn(o) : o.segment.seq == x.snd_max;
}

bool sends_beyond_fin(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  return o.segment.length > 0 && is_after(data_end(o), x.fin_end) && is_within(o.segment.seq, x.una, x.snd_max);
}

bool is_midstream(const Occasion& o) noexcept { return o.connection.midstream; }

bool acks_unsent(const Occasion& o) noexcept {
  return has_ack(o) && o.x().has(TcpEndpoint::kHasSent) && is_after(o.segment.ack, o.x().snd_max);
}

bool is_window_unknown(const Occasion& o) noexcept { return o.connection.midstream && !o.connection.liberal; }

// Linux's check (tcp_sequence): it ends at or after the last ACK X sent, and begins within what X offered. A
// keep-alive, one before that, is outside.
bool is_outside_window(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  if (o.connection.liberal || !x.has(TcpEndpoint::kHasAcked) || !x.has(TcpEndpoint::kHasReceived)) return false;
  const SequenceNumber end = o.segment.seq + o.segment.sequence_length();
  return is_before(end, x.ack_sent) || is_after(o.segment.seq, later_of(x.right_edge, x.rcv_nxt));
}

bool is_syn_acked(const Occasion& o) noexcept {
  return has_ack(o) && is_within(o.segment.ack, o.x().iss + 1, o.x().snd_max);
}

bool is_fin_acked(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  return has_ack(o) && x.has(TcpEndpoint::kSentFin) && is_within(o.segment.ack, x.fin_end, x.snd_max);
}

bool is_fin_acked_behind_fin(const Occasion& o) noexcept { return is_fin_acked(o) && has_received_fin(o); }

bool is_reset_behind_fin(const Occasion& o) noexcept { return has_received_fin(o) && is_reset_at_edge(o); }

bool is_fin_acked_unchallenged(const Occasion& o) noexcept {
  const PendingSyn* pending = o.pending();
  return is_fin_acked(o) && !(pending != nullptr && pending->from == o.who);
}

bool refuses_syn(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  return has_ack(o) && is_within(o.segment.ack, x.iss + 1, x.snd_max);
}

bool is_exact_reset(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  const SequenceNumber seq = o.segment.seq;
  if (x.has(TcpEndpoint::kHasReceived) && seq == x.rcv_nxt) return true;
  if (x.has(TcpEndpoint::kHasAcked) && seq == x.ack_sent) return true;
  const Claim& claim = o.lists_of_y().claim;
  return claim.is_there && seq == claim.end;
}

bool is_reset_at_edge(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  if (!x.has(TcpEndpoint::kHasReceived) || is_exact_reset(o)) return true;
  if (o.ranges.has_end_at(o.lists_of_y().out_of_order, o.segment.seq)) return true;
  const bool has_fin_behind =
      x.state == TcpState::close_wait || x.state == TcpState::last_ack || x.state == TcpState::closing;
  return has_fin_behind && o.segment.seq == x.rcv_nxt - 1;
}

bool is_reset_in_window(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  return !is_reset_at_edge(o) && is_within(o.segment.seq, x.rcv_nxt, later_of(x.right_edge, x.rcv_nxt));
}

bool is_reset_elsewhere(const Occasion& o) noexcept { return !is_reset_at_edge(o) && !is_reset_in_window(o); }

bool quotes_what_is_open(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  return x.has(TcpEndpoint::kHasSent) && is_within(o.segment.seq, x.una, x.snd_max);
}

// A server that has taken data from a SYN has a socket already, and that outlives the error.
bool ends_answered_request(const Occasion& o) noexcept {
  return o.ends_request && !o.connection.fast_open_accepted && is_same_isn(o);
}

}  // namespace wobble::condition
