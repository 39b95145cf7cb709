// What a packet does to its record, and what is told of that.
#include <algorithm>

#include "emulator/connections/table_state.h"
#include "emulator/connections/tcp/tcp_repairs.h"

namespace wobble {
namespace {

// No copy will reach the other side in one piece.
bool is_lost(const Fate& fate) {
  if (fate.corrupted) return true;
  if (!fate.is_dropped()) return false;
  return fate.copies < 2 || fate.lost[1] != DropReason::none;
}

// The word for one copy that was delivered: its original may have been dropped.
FateWord word_for_copy(const Fate& fate, TimePoint arrived) {
  if (!fate.is_dropped()) return word_for(fate, arrived);
  return fate.corrupted ? FateWord::corrupted : FateWord::duplicated;
}

bool is_ritual(const TcpSegment& segment) { return segment.has(tcp_flag::kSyn | tcp_flag::kFin | tcp_flag::kRst); }

// Whether the short way may be taken: SACK blocks are read on the long one.
bool may_be_stream(const TcpConnection& connection, const PacketView& packet) noexcept {
  if (!packet.is_tcp()) return false;
  constexpr std::uint16_t kPlain = 20, kWithTimestamps = 32;
  const int header = packet.payload_offset - packet.transport_offset;
  const bool has_timestamps = connection.client.offer.timestamps && connection.server.offer.timestamps;
  return header <= (has_timestamps ? kWithTimestamps : kPlain) || !TcpRepairs::may_carry_sack(packet);
}

}  // namespace

bool ConnectionTable::State::is_awaited(const Record& record, Role from, TimePoint arrived) const noexcept {
  return record.budget.follow || record.budget.others < kMaxOtherSegments || record.is_leaving ||
         record.closes.count > 0 || marks.has_until(record.tcp.of(from).marks, arrived);
}

std::uint32_t ConnectionTable::State::payload_size(const PacketView& packet) noexcept {
  if (packet.is_tcp()) return packet.tcp.has(tcp_flag::kRst) ? 0 : packet.tcp.length;  // a RST's is its reason
  return packet.length - std::min<std::uint32_t>(packet.payload_offset, packet.length);
}

std::uint64_t ConnectionTable::State::count_arrival(Record& record, const PacketView& packet, Role from) noexcept {
  PacketCounters& counted = record.counters_of(from);
  const std::uint64_t number = counted.packets_sent;
  if (number == 0) note_answer(record);
  record.is_late = record.is_told;
  counted.packets_sent += 1;
  counted.bytes_sent += packet.length;
  counted.payload_bytes += payload_size(packet);
  return number;
}

// A SYN or a FIN alone is none (Zeek).
std::uint32_t ConnectionTable::State::payload_retransmissions(const Record& record, Role of) const noexcept {
  const TroublesIndex own = record.tcp.of(of).troubles;
  return troubles.count_of(own, Trouble::retransmission) - troubles.count_of(own, Trouble::syn_retry) -
         troubles.count_of(own, Trouble::syn_ack_retry) - troubles.count_of(own, Trouble::fin_retry);
}

bool ConnectionTable::State::send(Record& record, const PacketView& packet, Side side, const Fate& fate,
                                  TimePoint now) noexcept {
  const Role from = record.role_of(side);
  if (fate.is_plain() && may_be_stream(record.tcp, packet) && stream.sent(record.tcp, from, packet.tcp)) return false;
  count_fate(record, from, fate);
  return packet.is_tcp() && track_sent(record, packet, from, fate, now);
}

void ConnectionTable::State::count_fate(Record& record, Role from, const Fate& fate) noexcept {
  if (fate.copies > 1) count(record, from, Trouble::duplicated);
  if (fate.corrupted) count(record, from, Trouble::corrupted);
  if (fate.reordered && !fate.is_dropped()) count(record, from, Trouble::reordered);
  if (fate.is_dropped()) count(record, from, Trouble::dropped);
  if (fate.copies > 1 && fate.lost[1] != DropReason::none) count(record, from, Trouble::dropped);
}

bool ConnectionTable::State::track_sent(Record& record, const PacketView& packet, Role from, const Fate& fate,
                                        TimePoint now) noexcept {
  Steps steps;
  const Sending sending = tracker.sent(record.tcp, from, packet, is_lost(fate), now, steps);
  if (sending.retransmission) count(record, from, Trouble::retransmission);
  if (sending.retransmission && packet.tcp.length > 0)
    record.tcp.facts.tell(from, 'T', payload_retransmissions(record, from));
  if (sending.is_filler) record.counters_of(from).payload_bytes -= packet.tcp.length;
  if (sending.is_close) {
    const CloseKind kind = packet.tcp.has(tcp_flag::kRst) ? CloseKind::rst : CloseKind::fin;
    closes.add(record.closes, {now, from, kind, false});
  }
  if (sending.retransmission_by_us) count(record, from, Trouble::retransmission_by_us);
  const SegmentSummary summary{packet.tcp, word_for(fate, now), fate.dropped};
  publish(record, steps, &summary, now);
  tell_lost_copies(record, packet, from, fate, sending, steps.has_change(), now);
  return steps.count > 0;
}

bool ConnectionTable::State::deliver(Record& record, const PacketView& packet, Side arrived_on, TimePoint arrived,
                                     const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  const Role from = record.role_of(arrived_on);
  count_delivery(record, packet, from, arrived, copy);
  return packet.is_tcp() && track_delivered(record, packet, from, arrived, fate, copy, now);
}

void ConnectionTable::State::count_delivery(Record& record, const PacketView& packet, Role from, TimePoint arrived,
                                            std::uint8_t copy) noexcept {
  PacketCounters& counted = record.counters_of(from);
  record.is_late = record.is_told;
  counted.packets_delivered += 1;
  counted.bytes_delivered += packet.length;
  TimePoint& landed = record.landed[static_cast<std::size_t>(from)];
  if (arrived < landed && copy == 0) count(record, from, Trouble::out_of_order_by_us);
  landed = std::max(landed, arrived);
}

bool ConnectionTable::State::track_delivered(Record& record, const PacketView& packet, Role from, TimePoint arrived,
                                             const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  const FateWord word = word_for_copy(fate, arrived);
  Steps steps;
  if (!fate.corrupted && record.closes.count > 0) closes.deliver(record.closes, from, arrived);
  if (!fate.corrupted) tracker.delivered(record.tcp, peer_of(from), packet.tcp, arrived, now, steps);
  const SegmentSummary summary{packet.tcp, word, DropReason::none};
  publish(record, steps, &summary, now);
  const Mark mark = marks.take(record.tcp.of(from).marks, arrived, packet.tcp.seq);
  const bool is_notable = mark.notable || mark.retransmission || is_ritual(packet.tcp) || steps.has_change() ||
                          fate.copies > 1 || fate.corrupted || fate.reordered;
  tell_segment(record, {packet.tcp, from, copy, mark.retransmission, is_notable, word, DropReason::none, arrived, now});
  return steps.count > 0;
}

template <typename Event>
void ConnectionTable::State::say(Record& record, const Event& event) noexcept {
  if (is_muted) return;
  if (record.is_untold) {
    Untold& kept = untold[store.index_of(record)];
    if (kept.count < kept.events.size()) {
      kept.events[kept.count++] = event;
      return;
    }
    tell_all(record);
  }
  observer.on(event);
}

void ConnectionTable::State::tell_all(Record& record) noexcept {
  record.is_untold = false;
  const Untold& kept = untold[store.index_of(record)];
  tell_opened(record, kept.ordinal, kept.opened_at);
  for (std::size_t i = 0; i < kept.count; ++i) {
    // Not std::visit, which may throw.
    if (const auto* step = std::get_if<Transition>(&kept.events[i])) observer.on(*step);
    if (const auto* segment = std::get_if<SegmentRecord>(&kept.events[i])) observer.on(*segment);
  }
}

void ConnectionTable::State::tell_opened(const Record& record, std::uint32_t ordinal, TimePoint at) noexcept {
  const Side server_side = opposite(record.client_side);
  observer.on(ConnectionOpened{record.id, at, record.key.protocol, record.client_side, record.tcp.midstream, ordinal,
                               record.key.endpoint(record.client_side), server_of(record.key, server_side)});
}

void ConnectionTable::State::note_established(Record& record, const Step& step) noexcept {
  if (is_muted) return;
  if (step.from == TcpState::syn_sent && step.side == Role::client) watch.completed();
  if (record.is_untold) tell_all(record);
}

void ConnectionTable::State::publish(Record& record, const Steps& steps, const SegmentSummary* segment,
                                     TimePoint now) noexcept {
  for (const Step& step : steps) {
    if (step.from == step.to) continue;
    if (step.side == Role::client) {
      count_state(record, step.from, -1u);
      count_state(record, step.to, 1);
    }
    Transition transition{record.id, now, step.side, step.from, step.to, step.evidence, step.rule, false, {}};
    if (segment != nullptr) {
      transition.has_segment = true;
      transition.segment = *segment;
    }
    say(record, transition);
    if (step.to == TcpState::established) note_established(record, step);
  }
}

void ConnectionTable::State::tell_segment(Record& record, const Landing& landing) noexcept {
  SegmentBudget& budget = record.budget;
  if (budget.follow && budget.followed < kMaxFollowedSegments) {
    ++budget.followed;
  } else if (landing.notable) {
    if (budget.notable >= kMaxNotableSegments) return;
    ++budget.notable;
  } else {
    if (budget.others >= kMaxOtherSegments) return;
    ++budget.others;
  }
  say(record, SegmentRecord{record.id, landing.from, landing.copy, landing.retransmission, landing.fate, landing.drop,
                            landing.sent_at, landing.delivered_at, landing.tcp});
}

void ConnectionTable::State::tell_lost_copies(Record& record, const PacketView& packet, Role from, const Fate& fate,
                                              const Sending& sending, bool is_notable, TimePoint now) noexcept {
  const std::size_t copies = std::min<std::size_t>(fate.copies, Fate::kMaxCopies);
  std::uint8_t surviving = 0;
  for (std::size_t copy = 0; copy < copies; ++copy) {
    const DropReason reason = copy == 0 && fate.is_dropped() ? fate.dropped : fate.lost[copy];
    if (reason == DropReason::none) {
      ++surviving;
      continue;
    }
    tell_segment(record, {packet.tcp, from, static_cast<std::uint8_t>(copy), sending.retransmission, true,
                          FateWord::dropped, reason, now, kNever});
  }
  if (surviving > 0 && (sending.retransmission || is_notable)) {
    marks.add(record.tcp.of(from).marks, now, packet.tcp.seq, surviving, {sending.retransmission, is_notable});
  }
}

void ConnectionTable::State::lose_segment(Record& record, const TcpSegment& segment, Role from, TimePoint arrived,
                                          DropReason reason, std::uint8_t copy) noexcept {
  const Mark mark = marks.take(record.tcp.of(from).marks, arrived, segment.seq);
  if (copy == 0) tracker.lost(record.tcp, from, segment);
  tell_segment(record, {segment, from, copy, mark.retransmission, true, FateWord::dropped, reason, arrived, kNever});
}

}  // namespace wobble
