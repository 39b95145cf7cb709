#include "emulator/connections/tcp/tcp_claims.h"

#include <algorithm>

#include "emulator/connections/tcp/sequence_space.h"
#include "emulator/connections/tcp/tcp_window.h"
#include "emulator/connections/tcp/transition_conditions.h"

namespace wobble {
namespace {

/// Why a FIN is believed.
struct Ground {
  Evidence evidence;
  Rule rule;
};

void believe_fin(const Occasion& o, Role who, Ground ground, Steps& steps) noexcept {
  TcpEndpoint& x = o.connection.of(who);
  const bool is_second = x.state == TcpState::close_wait;
  if (!is_second && x.state != TcpState::established && x.state != TcpState::syn_received) return;
  note_fin(o.connection, who, x.snd_max, is_second);
  const TcpState to = is_second ? TcpState::last_ack : TcpState::fin_wait_1;
  change_state(o.connection, who, to, {who, {}, {}, ground.evidence, ground.rule}, o.now, steps);
}

// Y has acknowledged what of X never passed here. X goes on there or behind: so it was sent.
void settle_acked(const Occasion& o) noexcept {
  TcpEndpoint& x = o.x();
  DataLists& lists = o.need_lists();
  const SequenceNumber acked = lists.acked;
  const bool is_refuted = !is_after(acked, x.snd_max);
  const bool goes_on = o.kind == SegmentKind::rst ? o.segment.seq == acked : !is_before(o.segment.seq, acked);
  if (!is_refuted && !goes_on) return;
  lists.has_acked = false;
  if (is_refuted) return;
  o.count_gap(o.who);
  x.unique_payload += acked - x.snd_max;
  x.snd_max = acked;
  if (lists.is_acked_delivered) x.una = later_of(x.una, acked);
  x.max_in_flight = std::max(x.max_in_flight, x.snd_max - x.una);
  TcpSegment seen;
  seen.window = o.y().window_sent;
  SequenceSpace(o.ranges, o.pool).note_acknowledgement(o.connection, peer_of(o.who), acked, window_of(o.y(), x, seen));
}

// X acknowledges what is not believed of Y, or never passed here.
void hear_acknowledged(const Occasion& o, Steps& steps) noexcept {
  TcpEndpoint& y = o.y();
  DataLists& lists = o.need_lists_of_y();
  Claim& claim = lists.claim;
  const SequenceNumber ack = o.segment.ack;
  if (!claim.is_there || is_after(ack, claim.end)) {
    lists.acked = lists.has_acked ? later_of(lists.acked, ack) : ack;
    lists.has_acked = true;
    lists.is_acked_delivered = false;
    return;
  }
  const bool is_fin = claim.has_fin && ack == claim.end;
  if (is_after(claim.begin, y.snd_max) && !o.ranges.reaches_beyond(lists.holes, y.snd_max)) o.count_gap(peer_of(o.who));
  if (claim.is_beyond_offer) o.connection.liberal = true;
  y.unique_payload += ack - y.snd_max - (is_fin ? 1 : 0);
  y.snd_max = ack;
  y.max_in_flight = std::max(y.max_in_flight, y.snd_max - y.una);
  if (ack == claim.end) {
    claim = {};
  } else {
    claim.begin = later_of(claim.begin, ack);
  }
  if (is_fin) believe_fin(o, peer_of(o.who), {Evidence::implied, Rule::fin_beyond_hole}, steps);
}

}  // namespace

void settle_claims(const Occasion& o, Steps& steps) noexcept {
  const TcpEndpoint& x = o.x();
  const TcpEndpoint& y = o.y();
  if (o.segment.has(tcp_flag::kSyn)) return;
  if (x.troubles != 0 && o.lists().has_acked) settle_acked(o);
  if (o.kind == SegmentKind::rst) return;
  if (y.has(TcpEndpoint::kHasSent) && is_after(o.segment.ack, y.snd_max)) hear_acknowledged(o, steps);
}

// What was delivered to an endpoint was thought to have had its effect there, although nothing that it sent said so.
// Its peer sends its FIN again: so it did not arrive, or its acknowledgment did not come so far.
void take_back_implied_fin(const Occasion& o, Steps& steps) noexcept {
  if (o.kind != SegmentKind::fin || !condition::repeats_fin(o)) return;
  TcpEndpoint& y = o.y();
  const bool is_past = y.state == TcpState::closing || y.state == TcpState::time_wait;
  const bool has_said_so = !y.has(TcpEndpoint::kHasAcked) || !is_before(y.ack_sent, o.x().fin_end);
  const Role peer = peer_of(o.who);
  if (!is_past || has_said_so || o.now - y.since.get() <= crossing_of(o.connection, peer)) return;
  y.rcv_nxt = y.ack_sent;
  const bool is_acked = y.has(TcpEndpoint::kSentFin) && !is_before(y.una, y.fin_end);
  const TcpState to = is_acked ? TcpState::fin_wait_2 : TcpState::fin_wait_1;
  change_state(o.connection, peer, to, {peer, {}, {}, Evidence::correction, Rule::simultaneous_close}, o.now, steps);
}

void hold_claim(const Occasion& o, bool is_beyond_offer) noexcept {
  Claim& claim = o.need_lists().claim;
  const SequenceNumber begin = o.segment.seq, end = begin + o.segment.sequence_length();
  if (!claim.is_there || is_before(end, claim.begin)) {
    claim = {begin, end, true, false, is_beyond_offer};
  } else {
    if (is_after(end, claim.end)) claim.end = end, claim.has_fin = false;
    if (!claim.has_fin) claim.begin = earlier_of(claim.begin, begin);
    claim.is_beyond_offer = claim.is_beyond_offer || is_beyond_offer;
  }
  if (o.kind != SegmentKind::fin || end != claim.end) return;
  claim.has_fin = true;
  claim.begin = begin;
}

void settle_own_claim(const Occasion& o, Steps& steps) noexcept {
  TcpEndpoint& x = o.x();
  Claim& claim = o.need_lists().claim;
  if (is_before(x.snd_max, claim.begin)) return;
  const Claim settled = claim;
  claim = {};
  if (!settled.has_fin || !is_before(x.snd_max, settled.end)) return;
  x.unique_payload += settled.end - 1 - x.snd_max;
  x.snd_max = settled.end;
  believe_fin(o, o.who, {Evidence::sent, Rule::hole_before_fin_filled}, steps);
}

}  // namespace wobble
