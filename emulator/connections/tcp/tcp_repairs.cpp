#include "emulator/connections/tcp/tcp_repairs.h"

#include "emulator/connections/tcp/transition_conditions.h"

namespace wobble {
namespace {

/// Where no timestamps tell, what fills a gap so soon after it was skipped was overtaken on its way here; later it is
/// sent again. The handshake's round trip, if known.
constexpr Duration kOvertaking = std::chrono::milliseconds(3);
/// Beyond a round trip, a retransmission timer waits so long at least (Linux: TCP_RTO_MIN is 200 ms; RFC 6298 asks for
/// more). What the peer says is answered sooner.
constexpr Duration kShortestTimer = std::chrono::milliseconds(180);

enum class Filling : std::uint8_t { nothing, overtaken, late };

// From what was seen of it, or known to be missing, up to the segment.
void skip_ahead(const Occasion& o, const PacketView& packet) noexcept {
  TcpEndpoint& x = o.x();
  const RangeList& holes = o.lists().holes;
  const SequenceNumber begin = holes.count > 0 ? later_of(x.snd_max, o.ranges.last_end(holes)) : x.snd_max;
  if (!is_after(o.segment.seq, begin)) return;
  o.count_gap(o.who);
  DataLists& lists = o.need_lists();
  const TcpOptions options = parse_tcp_options(packet);
  lists.gap_at = o.now;
  lists.gap_timestamp = options.ts_value;
  lists.has_gap_timestamp = options.has_timestamps;
  o.ranges.add(lists.holes, begin, o.segment.seq);
}

// Whether the segment fills what was skipped, and how late. What was overtaken was sent before what has overtaken it,
// and says so; only within one tick of its sender's clock time must tell.
Filling fills_hole(const Occasion& o, const PacketView& packet, SequenceNumber end) noexcept {
  if (o.lists().holes.count == 0) return Filling::nothing;
  DataLists& lists = o.need_lists();
  if (!o.ranges.remove(lists.holes, o.segment.seq, end)) return Filling::nothing;
  const TcpOptions options = parse_tcp_options(packet);
  if (lists.has_gap_timestamp && options.has_timestamps && options.ts_value != lists.gap_timestamp)
    return is_after(options.ts_value, lists.gap_timestamp) ? Filling::late : Filling::overtaken;
  const Duration round_trip = o.connection.handshake.rtt_initial();
  const bool is_soon = o.now - lists.gap_at.get() <= (round_trip == Duration{0} ? kOvertaking : round_trip);
  // Its sender was told what the peer lacks: that takes a round trip, and is answered at its end.
  const std::uint32_t told = o.x().dup_acks_delivered;
  const bool is_asked_for =
      (told >= 2 && o.segment.seq == o.x().una) || (told >= 1 && o.ranges.reaches_beyond(lists.sacked, end));
  return is_soon && !is_asked_for ? Filling::overtaken : Filling::late;
}

// Its sender has sent it again, and that came first; it was itself sent before what has skipped it.
bool is_overtaken_by_its_repetition(const Occasion& o, const PacketView& packet, SequenceNumber end) noexcept {
  const DataLists& lists = o.lists();
  if (!lists.has_gap_timestamp) return false;
  if (!o.ranges.has_within(lists.repeated, o.segment.seq, end, Repetition::kLostBefore)) return false;
  const TcpOptions options = parse_tcp_options(packet);
  return options.has_timestamps && is_before(options.ts_value, lists.gap_timestamp);
}

// Where its sender is in the repair of a loss: true if it has been told of it, not if a timer ran out.
bool is_told_of_loss(const Occasion& o, SequenceNumber end) noexcept {
  TcpEndpoint& x = o.x();
  DataLists& lists = o.need_lists();
  const bool is_first_missing = o.segment.seq == x.una;
  const bool has_waited = lists.repeated_at.get() != TimePoint{} &&
                          o.now - lists.repeated_at.get() >= o.connection.handshake.rtt_initial() + kShortestTimer;
  const bool is_stuck = x.recovery == Recovery::fast && is_first_missing && has_waited;
  if (x.recovery == Recovery::timeout) return false;
  if (x.recovery == Recovery::fast && !is_stuck) return true;
  const bool is_asked_for = x.dup_acks_delivered >= 2 && is_first_missing;
  const bool is_overtaken = x.dup_acks_delivered >= 1 && o.ranges.reaches_beyond(lists.sacked, end);
  const bool is_told = !is_stuck && (is_asked_for || is_overtaken);
  if (!is_told && !is_first_missing) return false;  // a tail loss probe
  x.recovery = is_told ? Recovery::fast : Recovery::timeout;
  lists.recover = x.snd_max;
  return is_told;
}

// A peer may say that it came twice; of a SYN none does.
void remember_repetition(const Occasion& o, std::uint8_t tag) noexcept {
  if (o.segment.has(tcp_flag::kSyn)) return;
  DataLists& lists = o.need_lists();
  const SequenceNumber end = o.segment.seq + o.segment.sequence_length();
  o.ranges.append(lists.repeated, o.segment.seq, end, tag, Repetition::kMost);
  lists.repeated_until = later_of(o.x().snd_max, end);
}

void repeat(const Occasion& o, SequenceNumber end, Filling filling, Sending& sending) noexcept {
  const TcpEndpoint& y = o.y();
  const SequenceNumber begin = o.segment.seq;
  const bool is_syn = o.segment.has(tcp_flag::kSyn);
  DataLists& lists = o.need_lists();
  sending.retransmission = true;
  sending.retransmission_by_us = o.ranges.remove(lists.dropped, begin, end);
  if (is_syn) o.count(o.kind == SegmentKind::syn ? Trouble::syn_retry : Trouble::syn_ack_retry);
  if (o.kind == SegmentKind::fin && o.segment.length == 0) o.count(Trouble::fin_retry);
  const bool is_fast = !is_syn && is_told_of_loss(o, end);
  lists.repeated_at = o.now;
  if (sending.retransmission_by_us) return;
  const bool is_acknowledged = y.has(TcpEndpoint::kHasAcked) && !is_after(end, y.ack_sent);
  if (is_acknowledged || o.ranges.covers(lists.sacked, begin, end)) {
    o.count(Trouble::spurious);
    return remember_repetition(o, Repetition::kSpurious);
  }
  const bool is_delivered = y.has(TcpEndpoint::kHasReceived) &&
                            (!is_after(end, y.rcv_nxt) || o.ranges.covers(lists.out_of_order, begin, end));
  std::uint8_t tag = 0;
  if (is_fast) {
    o.count(Trouble::fast);
    tag |= Repetition::kFast;
  }
  if (filling == Filling::late) {
    o.count(Trouble::lost_before);
    tag |= Repetition::kLostBefore;
  } else if (is_delivered) {
    o.count(Trouble::lost_behind);
    tag |= Repetition::kLostBehind;
  }
  remember_repetition(o, tag);
}

// Of Y's sending.
void take_for_spurious(const Occasion& o, std::uint8_t tag) noexcept {
  TroublesIndex& troubles = o.y().troubles;
  if ((tag & Repetition::kSpurious) != 0) return;
  if ((tag & Repetition::kFast) != 0) o.pool.take_back(troubles, Trouble::fast);
  if ((tag & Repetition::kLostBehind) != 0) o.pool.take_back(troubles, Trouble::lost_behind);
  if ((tag & Repetition::kLostBefore) != 0) o.pool.take_back(troubles, Trouble::lost_before);
  o.pool.count(troubles, Trouble::spurious);
}

// What was sent again there need not have been. It was received once too often, so of several repetitions of the same
// only the last was for nothing, until the peer says so once more.
void hear_of_duplicate(const Occasion& o, const SackBlock& block) noexcept {
  if (o.lists_of_y().repeated.count == 0) return;
  DataLists& lists = o.need_lists_of_y();
  SackBlock left = block;
  while (const auto taken = o.ranges.take_within(lists.repeated, left.begin, left.end)) {
    take_for_spurious(o, taken->tag);
    if (taken->begin != left.begin) hear_of_duplicate(o, {left.begin, taken->begin});
    left.begin = taken->end;
  }
}

}  // namespace

void classify(const Occasion& o, const PacketView& packet, Sending& sending) noexcept {
  TcpEndpoint& x = o.x();
  const std::uint32_t length = o.segment.sequence_length();
  if (!x.has(TcpEndpoint::kHasSent) || condition::is_beyond_offer(o)) return;
  const SequenceNumber end = o.segment.seq + length;
  const bool is_syn = o.segment.has(tcp_flag::kSyn);
  if (is_syn && condition::is_other_isn(o)) return;
  const bool are_windows_known = !o.connection.midstream && !o.connection.liberal;
  if (condition::is_ahead(o)) {
    const Claim& claim = o.lists().claim;
    const bool is_again = length > 0 && claim.is_there && claim.has_fin && claim.end == end;
    if (is_again) return repeat(o, end, Filling::nothing, sending);
    if (are_windows_known) skip_ahead(o, packet);
    return;
  }
  if (length == 0) return;
  if (is_after(o.segment.seq, x.snd_max)) return skip_ahead(o, packet);
  const bool is_first_answer = o.kind == SegmentKind::syn_ack && !x.has(TcpEndpoint::kSentSynAck);
  if (is_first_answer) return;  // a simultaneous open's: its SYN once more, as an answer
  const Filling filling = fills_hole(o, packet, end);
  if (filling == Filling::overtaken || is_overtaken_by_its_repetition(o, packet, end)) {
    o.count(Trouble::overtaken);
  } else if (!is_after(end, x.snd_max) || filling == Filling::late) {
    repeat(o, end, filling, sending);
  }
}

void hear_sack(const Occasion& o, const PacketView& packet) noexcept {
  const SackBlocks blocks = parse_sack_blocks(packet);
  const TcpEndpoint& y = o.y();
  if (blocks.count == 0 || !y.has(TcpEndpoint::kHasSent)) return;
  const SackBlock& first = blocks.items[0];
  const SackBlock& second = blocks.items[1];
  const bool is_within_second =
      blocks.count > 1 && !is_before(first.begin, second.begin) && !is_after(first.end, second.end);
  const bool has_duplicate = !is_after(first.end, o.segment.ack) || is_within_second;
  if (has_duplicate) hear_of_duplicate(o, first);
  for (std::size_t i = has_duplicate ? 1 : 0; i < blocks.count; ++i) {
    const SackBlock& block = blocks.items[i];
    const bool is_possible =
        is_before(block.begin, block.end) && !is_before(block.begin, o.segment.ack) && !is_after(block.end, y.snd_max);
    if (is_possible) o.ranges.add(o.need_lists_of_y().sacked, block.begin, block.end);
  }
}

void hear_delivered(TcpConnection& connection, Role who, const TcpSegment& segment,
                    const TroublePool& troubles) noexcept {
  TcpEndpoint& x = connection.of(who);
  TcpEndpoint& sender = connection.of(peer_of(who));
  const bool is_same_window = sender.has(TcpEndpoint::kWindowDelivered) && sender.window_delivered == segment.window;
  sender.window_delivered = segment.window;
  sender.seen |= TcpEndpoint::kWindowDelivered;
  if (!segment.has(tcp_flag::kAck) || !x.has(TcpEndpoint::kHasSent)) return;
  const bool is_sacked = x.troubles != 0 && troubles.known_lists(x.troubles).sacked.count > 0;
  if (is_after(segment.ack, x.una)) {
    x.dup_acks_delivered = is_sacked ? 1 : 0;
    const bool is_over =
        x.recovery != Recovery::none && !is_before(segment.ack, troubles.known_lists(x.troubles).recover);
    if (is_over) x.recovery = Recovery::none;
  } else if (segment.length == 0 && segment.ack == x.una && (is_same_window || is_sacked) &&
             is_after(x.snd_max, x.una) && x.dup_acks_delivered < 3 && kind_of(segment) == SegmentKind::ack) {
    ++x.dup_acks_delivered;
  }
}

}  // namespace wobble
