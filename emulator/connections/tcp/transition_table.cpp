#include "emulator/connections/tcp/transition_table.h"

#include <array>

#include "emulator/connections/tcp/transition_conditions.h"

namespace wobble {
namespace {

using namespace condition;
using enum Target;

constexpr StateSet kNone = bit(TcpState::none), kClosed = bit(TcpState::closed), kSynSent = bit(TcpState::syn_sent),
                   kSynReceived = bit(TcpState::syn_received), kEstablished = bit(TcpState::established),
                   kFinWait1 = bit(TcpState::fin_wait_1), kFinWait2 = bit(TcpState::fin_wait_2),
                   kCloseWait = bit(TcpState::close_wait), kClosing = bit(TcpState::closing),
                   kLastAck = bit(TcpState::last_ack), kTimeWait = bit(TcpState::time_wait);
constexpr StateSet kFinSent = kFinWait1 | kFinWait2 | kClosing | kLastAck | kTimeWait;
constexpr StateSet kOpen = kSynReceived | kEstablished | kFinWait1 | kFinWait2 | kCloseWait | kClosing | kLastAck;
constexpr StateSet kAny = (1 << kTcpStateCount) - 1;

constexpr KindSet kSyn = bit(SegmentKind::syn), kSynAck = bit(SegmentKind::syn_ack), kRst = bit(SegmentKind::rst),
                  kFin = bit(SegmentKind::fin), kAck = bit(SegmentKind::ack) | kFin,
                  kIcmpRefused = bit(SegmentKind::icmp_refused), kIcmpUnreachable = bit(SegmentKind::icmp_unreachable);

constexpr Evidence kProof = Evidence::sent, kArrival = Evidence::delivered, kCorrection = Evidence::correction,
                   kImplied = Evidence::implied;
constexpr bool (*always)(const Occasion&) = nullptr;
constexpr void (*nothing)(const Occasion&) = nullptr;
constexpr bool go_on = false, stop = true;

// Effects. Sequence numbers that follow from any segment are the tracker's; here is what only a row knows.

ClosedBy closer(Role role) { return role == Role::client ? ClosedBy::client : ClosedBy::server; }

void begin(const Occasion& o) {
  TcpEndpoint& x = o.x();
  const bool is_answer = o.kind == SegmentKind::syn_ack;
  x.iss = x.una = o.segment.seq;
  x.snd_max = o.segment.seq + 1;
  x.seen &= TcpEndpoint::kHasReceived | TcpEndpoint::kHasAcked | TcpEndpoint::kHasScale;
  x.seen |= TcpEndpoint::kSentSyn | TcpEndpoint::kHasSent;
  if (is_answer) x.seen |= TcpEndpoint::kSentSynAck;
}
// Who sees two answers of a server takes one of them, and its ACK says which.
void answer_again(const Occasion& o) {
  TcpEndpoint& x = o.x();
  const bool is_second = is_other_isn(o) && x.has(TcpEndpoint::kSentSynAck);
  if (is_second) o.pool.need_oddities(x.troubles).other_isn = x.iss;
  if (is_other_isn(o)) begin(o);
  x.seen |= TcpEndpoint::kSentSynAck;
  if (is_second) x.seen |= TcpEndpoint::kTwoIsns;
}
void take_other_isn(const Occasion& o) {
  TcpEndpoint& y = o.y();
  SequenceNumber& other = o.pool.need_oddities(y.troubles).other_isn;
  const SequenceNumber chosen = other;
  other = y.iss;
  y.iss = chosen;
  y.snd_max = y.una = chosen + 1;
  o.x().rcv_nxt = chosen + 1;
  o.x().seen |= TcpEndpoint::kHasReceived;
}
void go_back_to_syn_received(const Occasion& o) { o.x().seen &= ~TcpEndpoint::kInferredOpen; }
void retry(const Occasion& o) { o.x().seen &= ~TcpEndpoint::kReset; }

void hold_syn(const Occasion& o) {
  PendingSyn& pending = o.pool.need_oddities(o.connection.client.troubles).pending;
  pending.from = o.who;
  pending.isn = o.segment.seq;
  o.connection.has_pending_syn = true;
}
void let_syn_go(const Occasion& o) { o.connection.has_pending_syn = false; }

void imply_syn_received(const Occasion& o) {
  TcpEndpoint& y = o.y();
  y.iss = o.segment.ack - 1;
  y.snd_max = y.una = o.segment.ack;
  y.seen |= TcpEndpoint::kSentSyn | TcpEndpoint::kSentSynAck | TcpEndpoint::kHasSent;
  o.connection.liberal = true;  // whether windows are scaled was in what was not seen
}
void imply_own_syn(const Occasion& o) {
  TcpEndpoint& x = o.x();
  x.iss = o.segment.seq - 1;
  x.snd_max = x.una = o.segment.seq;
  x.seen |= TcpEndpoint::kSentSyn | TcpEndpoint::kSentSynAck | TcpEndpoint::kHasSent;
  o.connection.liberal = true;
}

void infer_open(const Occasion& o) { o.x().seen |= TcpEndpoint::kInferredOpen; }

void send_fin(const Occasion& o) {
  note_fin(o.connection, o.who, o.segment.seq + o.segment.sequence_length(), has_acked_peer_fin(o));
}
void forget_fin(const Occasion& o) {
  TcpConnection& c = o.connection;
  if (o.x().fin_end == o.x().snd_max) o.x().unique_payload += 1;  // its number was data's
  o.x().seen &= ~(TcpEndpoint::kSentFin | TcpEndpoint::kFinAgain);
  c.had_fin = o.y().has(TcpEndpoint::kSentFin);
  c.closed_by = c.had_fin ? closer(peer_of(o.who)) : ClosedBy::nobody;
}
void restart_2msl(const Occasion& o) {
  o.x().seen &= ~TcpEndpoint::kFinAgain;
  o.x().since = o.now;
}

void reset_by_sender(const Occasion& o) {
  o.x().seen |= TcpEndpoint::kReset;
  if (o.connection.closed_by == ClosedBy::nobody) o.connection.closed_by = closer(o.who);
}
void give_up_old(const Occasion& o) {
  reset_by_sender(o);
  let_syn_go(o);
}
void reset_by_peer(const Occasion& o) {
  o.x().seen |= TcpEndpoint::kReset;
  if (o.connection.closed_by == ClosedBy::nobody) o.connection.closed_by = closer(peer_of(o.who));
}
void take_reset_back(const Occasion& o) {
  o.x().seen &= ~TcpEndpoint::kReset;
  if (!o.connection.had_fin) o.connection.closed_by = ClosedBy::nobody;
}
void count_implausible(const Occasion& o) { o.count(Trouble::rst_implausible); }
void expect_challenge(const Occasion& o) { o.x().seen |= TcpEndpoint::kChallenged; }
// Once the endpoint goes on there too, what it acknowledges was sent after all: see settle_claims().
void hear_of_unseen(const Occasion& o) {
  if (o.lists().has_acked) o.need_lists().is_acked_delivered = true;
}
void be_liberal(const Occasion& o) { o.connection.liberal = true; }

// clang-format off
constexpr auto kSentRows = std::to_array<Row>({
    // evidence beats inference
    {Rule::reset_ignored, kCorrection, kAck, kClosed, ignored_reset, before_closed, take_reset_back, go_on, "it goes on where it was: it did not accept the RST"},
    {Rule::fin_before_reset, kCorrection, kFin, kClosed, sent_fin_before_reset, to_fin_wait_1, send_fin, go_on, "its FIN was on its way here when the RST reached it"},
    {Rule::fin_before_reset, kCorrection, kFin, kClosed, sent_second_fin_before_reset, to_last_ack, send_fin, go_on, "its FIN was on its way here when the RST reached it"},
    {Rule::reset_denied, kCorrection, kAck, kClosed, denies_own_reset, before_closed, take_reset_back, go_on, "it goes on where it was: the RST was not its own"},
    {Rule::reset_accepted, kImplied, kFin, kFinWait1 | kLastAck, is_reset_already, to_closed, nothing, stop, "and then the RST ended it"},
    {Rule::opening_given_up, kCorrection, kSyn | kSynAck | kAck, kClosed, did_not_give_up_opening, to_syn_sent, take_reset_back, go_on, "it goes on opening: the RST only rejected a segment"},
    {Rule::syn_acknowledged, kCorrection, kSynAck, kEstablished, repeats_syn_ack_unheard, to_syn_received, go_back_to_syn_received, go_on, "it repeats its SYN-ACK: the third ACK did not open it"},
    {Rule::fin_denied, kCorrection, kAck, kFinSent, sends_beyond_fin, before_fin, forget_fin, go_on, "data beyond the FIN: that FIN was not its own"},
    {Rule::sends_unopened, kImplied, kAck, kNone, sends_unopened, to_syn_received, imply_own_syn, go_on, "it sends, so that it had answered: its SYN-ACK did not pass here"},
    {Rule::midstream, kProof, kAck, kNone, is_midstream, to_established, nothing, go_on, "picked up in the middle"},

    {Rule::syn, kProof, kSyn, kNone | kClosed, is_first_syn, to_syn_sent, begin, stop, "SYN: it opens"},
    {Rule::syn_again, kProof, kSyn, kSynSent, is_same_isn, same, nothing, stop, "SYN repeated"},
    {Rule::restart, kProof, kSyn, kNone, is_syn_of_restart, to_syn_sent, begin, stop, "SYN with another ISN: the client began anew"},
    {Rule::port_reuse, kProof, kSyn, kNone, is_syn_of_reuse, to_syn_sent, begin, stop, "SYN with a new ISN after the end: the port is used again"},
    {Rule::syn_after_refusal, kProof, kSyn, kClosed, repeats_refused_syn, to_syn_sent, retry, stop, "SYN repeated after a RST: the same attempt"},
    {Rule::simultaneous_open, kProof, kSyn, kNone | kClosed, is_simultaneous_syn, to_syn_sent, begin, stop, "a SYN against a SYN: simultaneous open"},
    {Rule::syn_within, kProof, kSyn, kAny, is_other_isn, same, hold_syn, stop, "SYN within a living connection: a challenge ACK is expected"},
    {Rule::syn_within_answered, kProof, kSynAck, kNone, answers_pending_syn, to_syn_received, begin, stop, "the SYN within the old connection was answered: both ends agree"},
    {Rule::challenge_rejected, kProof, kRst, kOpen | kTimeWait, rejects_challenge, to_closed, give_up_old, stop, "it rejects the challenge ACK: it has nothing of the old connection"},
    {Rule::syn_within_belied, kProof, kAck, kAny, belies_pending_syn, same, let_syn_go, go_on, "it goes on in the old connection: the SYN was forged or old"},
    {Rule::syn_ack, kProof, kSynAck, kNone | kClosed | kTimeWait, answers_syn, to_syn_received, begin, stop, "SYN-ACK: it answers the SYN"},
    {Rule::syn_ack_against_syn, kProof, kSynAck, kSynSent, answers_syn, to_syn_received, answer_again, stop, "SYN-ACK against a SYN: simultaneous open"},
    {Rule::syn_ack_again, kProof, kSynAck, kSynReceived, answers_syn, same, answer_again, stop, "SYN-ACK repeated"},
    {Rule::third_ack_chooses, kProof, kAck, kSynSent, chooses_other_isn, same, take_other_isn, go_on, "of two SYN-ACKs it takes the one that came before"},
    {Rule::third_ack, kProof, kAck, kSynSent, acks_peer_syn, to_established, nothing, go_on, "third ACK: its handshake is complete"},
    {Rule::syn_ack_unseen, kProof, kAck, kSynSent, acks_unseen_syn_ack, to_established, imply_syn_received, go_on, "third ACK to a SYN-ACK that did not pass here"},
    {Rule::fin, kProof, kFin, kEstablished | kSynReceived, sends_fin_first, to_fin_wait_1, send_fin, stop, "FIN: it closes"},
    {Rule::peer_fin_acknowledged, kProof, kAck, kEstablished | kSynReceived, acks_peer_fin, to_close_wait, nothing, go_on, "it acknowledges the peer's FIN"},
    {Rule::second_fin, kProof, kFin, kCloseWait, sends_fin, to_last_ack, send_fin, stop, "FIN: it closes as well"},
    {Rule::fin_again, kProof, kFin, kFinSent, repeats_fin, same, nothing, go_on, "FIN repeated"},
    {Rule::simultaneous_close, kProof, kAck, kFinWait1, acks_peer_fin, to_closing, nothing, stop, "it acknowledges a FIN before its own was: simultaneous close"},
    {Rule::last_fin_acknowledged, kProof, kAck, kFinWait2, acks_peer_fin, to_time_wait, nothing, stop, "it acknowledges the peer's FIN: 2MSL begins"},
    {Rule::time_wait_again, kProof, kAck, kTimeWait, answers_repeated_fin, same, restart_2msl, stop, "it acknowledges a repeated FIN: 2MSL begins again"},
    {Rule::peer_fin_acknowledged, kImplied, kRst, kEstablished | kSynReceived, acks_peer_fin, to_close_wait, nothing, go_on, "the peer's FIN had reached it before this"},
    {Rule::simultaneous_close, kImplied, kRst, kFinWait1, acks_peer_fin, to_closing, nothing, go_on, "the peer's FIN had reached it before its own was acknowledged: simultaneous close"},
    {Rule::ack_rejected, kProof, kRst, kSynSent, rejects_ack, same, nothing, stop, "it rejects an unacceptable ACK and goes on opening"},
    {Rule::opening_given_up, kProof, kRst, kSynSent, gives_up_opening, to_closed, reset_by_sender, stop, "it gives up opening (tentative)"},
    {Rule::reset_sent, kProof, kRst, kOpen, is_plausible_reset, to_closed, reset_by_sender, stop, "RST: it aborted"},
    {Rule::reset_implausible, kProof, kRst, kOpen | kSynSent, is_implausible_reset, same, count_implausible, stop, "a RST that its stack would not send"},
    {Rule::reset_implausible, kProof, kRst, kNone, answers_other_syn, same, count_implausible, stop, "a RST that its stack would not send"},
    {Rule::reset_without_connection, kProof, kRst, kTimeWait | kClosed | kNone, always, same, nothing, stop, "a RST from an endpoint without a connection"},
});

constexpr auto kDeliveredRows = std::to_array<Row>({
    {Rule::unsent_acknowledged, kArrival, kAck | kSynAck, kAny, acks_unsent, same, hear_of_unseen, stop, "it acknowledges what was never sent: ignored whole"},
    {Rule::windows_unknown, kArrival, kAck, kAny, is_window_unknown, same, be_liberal, go_on, "picked up without its window scale: windows do not judge"},
    {Rule::outside_window, kArrival, kAck | kSynAck, kOpen | kTimeWait, is_outside_window, same, nothing, stop, "outside the receive window: no effect"},
    // The peer's FIN was delivered, but the ACK that answers it has not come by (it may be delayed, and it queues): it
    // had its effect before what is delivered now has any.
    {Rule::peer_fin_acknowledged, kImplied, kRst, kEstablished | kSynReceived, is_reset_behind_fin, to_close_wait, nothing, go_on, "the peer's FIN had reached it before this"},
    {Rule::simultaneous_close, kImplied, kRst, kFinWait1, is_reset_behind_fin, to_closing, nothing, go_on, "the peer's FIN had reached it before its own was acknowledged: simultaneous close"},
    {Rule::last_fin_acknowledged, kImplied, kRst, kFinWait2, is_reset_behind_fin, to_time_wait, nothing, go_on, "the peer's FIN had reached it before this"},
    {Rule::simultaneous_close, kImplied, kAck, kFinWait1, is_fin_acked_behind_fin, to_closing, nothing, go_on, "the peer's FIN had reached it before its own was acknowledged: simultaneous close"},
    {Rule::refused, kArrival, kRst, kSynSent, refuses_syn, to_closed, reset_by_peer, stop, "RST: the SYN was refused"},
    {Rule::reset_accepted, kArrival, kRst, kOpen, is_reset_at_edge, to_closed, reset_by_peer, stop, "RST exactly at the edge: accepted"},
    {Rule::reset_challenged, kArrival, kRst, kOpen, is_reset_in_window, same, expect_challenge, stop, "RST in the window but not exact: a challenge ACK is expected"},
    {Rule::reset_outside_window, kArrival, kRst, kOpen, is_reset_elsewhere, same, nothing, stop, "RST outside the window: ignored"},
    {Rule::time_wait_assassinated, kArrival, kRst, kTimeWait, is_exact_reset, to_closed, reset_by_peer, stop, "RST ends TIME_WAIT early"},
    {Rule::syn_acknowledged, kArrival, kAck | kSynAck, kSynReceived, is_syn_acked, to_established, infer_open, go_on, "its SYN is acknowledged: open"},
    {Rule::fin_acknowledged, kArrival, kAck, kFinWait1, is_fin_acked, to_fin_wait_2, nothing, stop, "its FIN is acknowledged"},
    {Rule::closing_acknowledged, kArrival, kAck, kClosing, is_fin_acked, to_time_wait, nothing, stop, "its FIN is acknowledged: 2MSL begins"},
    {Rule::last_ack_arrived, kArrival, kAck, kLastAck, is_fin_acked_unchallenged, to_closed, nothing, stop, "its FIN is acknowledged: the end"},
    {Rule::icmp_refused, kArrival, kIcmpRefused, kSynSent, quotes_what_is_open, to_closed, nothing, stop, "ICMP says that nobody is there: the SYN was refused"},
    {Rule::icmp_unreachable, kArrival, kIcmpUnreachable, kSynSent, quotes_what_is_open, to_closed, nothing, stop, "ICMP says that nobody can be reached: it gives up opening"},
    {Rule::icmp_about_syn_ack, kArrival, kIcmpRefused | kIcmpUnreachable, kSynReceived, ends_answered_request, to_closed, nothing, stop, "ICMP about its SYN-ACK: it forgets who asked"},
    {Rule::icmp_hint, kArrival, kIcmpRefused | kIcmpUnreachable, kAny, always, same, nothing, stop, "an ICMP error is a hint to an open connection, and ends nothing"},
});
// clang-format on

using Candidates = std::array<std::array<std::uint64_t, kTcpStateCount>, kSegmentKindCount>;

template <std::size_t n>
constexpr Candidates index_of(const std::array<Row, n>& rows) {
  static_assert(n <= 64);
  Candidates result{};
  for (std::size_t kind = 0; kind < kSegmentKindCount; ++kind) {
    for (std::size_t state = 0; state < kTcpStateCount; ++state) {
      for (std::size_t i = 0; i < n; ++i) {
        const bool matches = (rows[i].kinds >> kind & 1) != 0 && (rows[i].from >> state & 1) != 0;
        if (matches) result[kind][state] |= std::uint64_t{1} << i;
      }
    }
  }
  return result;
}
constexpr Candidates kSentIndex = index_of(kSentRows);
constexpr Candidates kDeliveredIndex = index_of(kDeliveredRows);

}  // namespace

std::span<const Row> sent_rows() noexcept { return kSentRows; }
std::span<const Row> delivered_rows() noexcept { return kDeliveredRows; }
std::uint64_t sent_candidates(SegmentKind kind, TcpState state) noexcept {
  return kSentIndex[static_cast<std::size_t>(kind)][static_cast<std::size_t>(state)];
}
std::uint64_t delivered_candidates(SegmentKind kind, TcpState state) noexcept {
  return kDeliveredIndex[static_cast<std::size_t>(kind)][static_cast<std::size_t>(state)];
}

bool is_late_syn(Rule opened_by, SequenceNumber iss, SequenceNumber seq) noexcept {
  return opened_by != Rule::syn && is_before(seq, iss);
}

void note_fin(TcpConnection& c, Role who, SequenceNumber end, bool acks_peer) noexcept {
  TcpEndpoint& x = c.of(who);
  const TcpEndpoint& y = c.of(peer_of(who));
  x.fin_end = end;
  x.seen |= TcpEndpoint::kSentFin;
  if (!x.has(TcpEndpoint::kReset) && !y.has(TcpEndpoint::kReset)) c.had_fin = true;
  if (c.closed_by == ClosedBy::nobody) {
    c.closed_by = closer(who);
  } else if (c.closed_by == closer(peer_of(who)) && y.has(TcpEndpoint::kSentFin) && !acks_peer) {
    c.closed_by = ClosedBy::both;
  }
}

Rule new_incarnation_rule(const TcpConnection& connection, const PendingSyn* pending, Role sender,
                          const TcpSegment& segment) noexcept {
  const TcpEndpoint& x = connection.of(sender);
  const TcpEndpoint& y = connection.of(peer_of(sender));
  const SegmentKind kind = kind_of(segment);
  if (kind == SegmentKind::syn_ack) {
    return pending != nullptr && pending->from == peer_of(sender) && segment.ack == pending->isn + 1
               ? Rule::syn_within_answered
               : Rule::timer;
  }
  if (kind != SegmentKind::syn) return Rule::timer;
  const bool is_other = !x.has(TcpEndpoint::kSentSyn) || segment.seq != x.iss;
  if (!is_other) return Rule::timer;
  if (x.state == TcpState::syn_sent) {
    return is_late_syn(connection.opened_rule, x.iss, segment.seq) ? Rule::timer : Rule::restart;
  }
  const StateSet gone = kNone | kClosed | kTimeWait;
  const StateSet left = x.state == TcpState::none ? kClosed | kTimeWait : gone | kSynReceived;
  return (bit(x.state) & gone) != 0 && (bit(y.state) & left) != 0 ? Rule::port_reuse : Rule::timer;
}

}  // namespace wobble
