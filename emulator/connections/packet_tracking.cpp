#include "emulator/connections/packet_tracking.h"

#include <algorithm>

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
  return header <= (has_timestamps ? kWithTimestamps : kPlain) || !may_carry_sack(packet);
}

}  // namespace

std::uint32_t PacketTracking::payload_size(const PacketView& packet) noexcept {
  if (packet.is_tcp()) return packet.tcp.has(tcp_flag::kRst) ? 0 : packet.tcp.length;  // a RST's is its reason
  return packet.length - std::min<std::uint32_t>(packet.payload_offset, packet.length);
}

std::uint64_t PacketTracking::arrive(Record& record, const PacketView& packet, Role from) noexcept {
  PacketCounters& counted = record.counters_of(from);
  const std::uint64_t number = counted.packets_sent;
  if (number == 0) note_answer(record);
  record.is_late = record.is_end_reported;
  counted.packets_sent += 1;
  counted.bytes_sent += packet.length;
  counted.payload_bytes += payload_size(packet);
  return number;
}

void PacketTracking::note_answer(const Record& record) noexcept {
  const bool is_whole = record.key.protocol == kTcp && !record.tcp.midstream;
  if (!is_whole && !reports_.is_muted() && record.client.packets_sent + record.server.packets_sent > 0)
    floods_.flow_answered();
}

bool PacketTracking::send(Record& record, const PacketView& packet, Side side, const Fate& fate,
                          TimePoint now) noexcept {
  const Role from = record.role_of(side);
  if (fate.is_plain() && may_be_stream(record.tcp, packet) && stream_.sent(record.tcp, from, packet.tcp)) return false;
  count_fate(record, from, fate);
  return packet.is_tcp() && track_sent(record, packet, from, fate, now);
}

void PacketTracking::count_fate(Record& record, Role from, const Fate& fate) noexcept {
  if (fate.copies > 1) pools_.count(record, from, Trouble::duplicated);
  if (fate.corrupted) pools_.count(record, from, Trouble::corrupted);
  if (fate.reordered && !fate.is_dropped()) pools_.count(record, from, Trouble::reordered);
  if (fate.is_dropped()) pools_.count(record, from, Trouble::dropped);
  if (fate.copies > 1 && fate.lost[1] != DropReason::none) pools_.count(record, from, Trouble::dropped);
}

bool PacketTracking::track_sent(Record& record, const PacketView& packet, Role from, const Fate& fate,
                                TimePoint now) noexcept {
  Steps steps;
  const Sending sending = tracker_.sent(record.tcp, from, packet, is_lost(fate), now, steps);
  if (sending.retransmission) pools_.count(record, from, Trouble::retransmission);
  if (sending.retransmission && packet.tcp.length > 0)
    record.tcp.facts.tell(from, 'T', pools_.payload_retransmissions(record, from));
  if (sending.is_filler) record.counters_of(from).payload_bytes -= packet.tcp.length;
  if (sending.is_close) {
    const CloseKind kind = packet.tcp.has(tcp_flag::kRst) ? CloseKind::rst : CloseKind::fin;
    pools_.closes.add(record.closes, {now, from, kind, false});
  }
  if (sending.retransmission_by_us) pools_.count(record, from, Trouble::retransmission_by_us);
  const SegmentSummary summary{packet.tcp, word_for(fate, now), fate.dropped};
  reports_.report_steps(record, steps, &summary, now);
  report_lost_copies(record, packet, from, fate, sending, steps.has_change(), now);
  return steps.count > 0;
}

bool PacketTracking::deliver(Record& record, const PacketView& packet, Side arrived_on, TimePoint arrived,
                             const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  const Role from = record.role_of(arrived_on);
  count_delivery(record, packet, from, arrived, copy);
  return packet.is_tcp() && track_delivered(record, packet, from, arrived, fate, copy, now);
}

void PacketTracking::count_delivery(Record& record, const PacketView& packet, Role from, TimePoint arrived,
                                    std::uint8_t copy) noexcept {
  PacketCounters& counted = record.counters_of(from);
  record.is_late = record.is_end_reported;
  counted.packets_delivered += 1;
  counted.bytes_delivered += packet.length;
  TimePoint& landed = record.landed[static_cast<std::size_t>(from)];
  if (arrived < landed && copy == 0) pools_.count(record, from, Trouble::out_of_order_by_us);
  landed = std::max(landed, arrived);
}

bool PacketTracking::track_delivered(Record& record, const PacketView& packet, Role from, TimePoint arrived,
                                     const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  const FateWord word = word_for_copy(fate, arrived);
  Steps steps;
  if (!fate.corrupted && record.closes.count > 0) pools_.closes.deliver(record.closes, from, arrived);
  if (!fate.corrupted) tracker_.delivered(record.tcp, peer_of(from), packet.tcp, arrived, now, steps);
  const SegmentSummary summary{packet.tcp, word, DropReason::none};
  reports_.report_steps(record, steps, &summary, now);
  const Mark mark = pools_.marks.take(record.tcp.of(from).marks, arrived, packet.tcp.seq);
  const bool is_notable = mark.notable || mark.retransmission || is_ritual(packet.tcp) || steps.has_change() ||
                          fate.copies > 1 || fate.corrupted || fate.reordered;
  reports_.report_segment(
      record, {packet.tcp, from, copy, mark.retransmission, is_notable, word, DropReason::none, arrived, now});
  return steps.count > 0;
}

void PacketTracking::report_lost_copies(Record& record, const PacketView& packet, Role from, const Fate& fate,
                                        const Sending& sending, bool is_notable, TimePoint now) noexcept {
  const std::size_t copies = std::min<std::size_t>(fate.copies, Fate::kMaxCopies);
  std::uint8_t surviving = 0;
  for (std::size_t copy = 0; copy < copies; ++copy) {
    const DropReason reason = copy == 0 && fate.is_dropped() ? fate.dropped : fate.lost[copy];
    if (reason == DropReason::none) {
      ++surviving;
      continue;
    }
    reports_.report_segment(record, {packet.tcp, from, static_cast<std::uint8_t>(copy), sending.retransmission, true,
                                     FateWord::dropped, reason, now, kNever});
  }
  if (surviving > 0 && (sending.retransmission || is_notable)) {
    pools_.marks.add(record.tcp.of(from).marks, now, packet.tcp.seq, surviving, {sending.retransmission, is_notable});
  }
}

void PacketTracking::lose(Record& record, const PacketView& packet, Side arrived_on, TimePoint arrived,
                          DropReason reason, std::uint8_t copy) noexcept {
  const Role from = record.role_of(arrived_on);
  record.is_late = record.is_end_reported;
  pools_.count(record, from, Trouble::dropped);
  if (packet.is_tcp()) track_lost(record, packet.tcp, from, arrived, reason, copy);
}

void PacketTracking::track_lost(Record& record, const TcpSegment& segment, Role from, TimePoint arrived,
                                DropReason reason, std::uint8_t copy) noexcept {
  const Mark mark = pools_.marks.take(record.tcp.of(from).marks, arrived, segment.seq);
  if (copy == 0) tracker_.lost(record.tcp, from, segment);
  reports_.report_segment(record,
                          {segment, from, copy, mark.retransmission, true, FateWord::dropped, reason, arrived, kNever});
}

bool PacketTracking::deliver_on(Record& record, const TcpSegment& segment, std::uint32_t length, Side arrived_on,
                                TimePoint arrived) noexcept {
  const Role from = record.role_of(arrived_on);
  TimePoint& landed = record.landed[static_cast<std::size_t>(from)];
  if (arrived < landed || is_awaited(record, from, arrived)) return false;
  if (!stream_.delivered(record.tcp, peer_of(from), segment)) return false;
  PacketCounters& counters = record.counters_of(from);
  counters.packets_delivered += 1;
  counters.bytes_delivered += length;
  landed = arrived;
  return true;
}

void PacketTracking::arrive_rest(Record& record, const PacketView& rest, std::uint32_t n, Side side) noexcept {
  PacketCounters& counters = record.counters_of(record.role_of(side));
  counters.packets_sent += n;
  counters.bytes_sent += rest.length;
  const std::size_t headers = rest.is_tcp() ? 0 : std::size_t{n - 1} * rest.payload_offset;
  counters.payload_bytes += payload_size(rest) - headers;
}

bool PacketTracking::send_rest(Record& record, const PacketView& rest, Side side) noexcept {
  return !rest.is_tcp() || stream_.sent_rest(record.tcp, record.role_of(side), rest.tcp);
}

bool PacketTracking::deliver_rest(Record& record, const PacketView& rest, std::uint32_t n, Side arrived_on,
                                  TimePoint arrived) noexcept {
  const Role from = record.role_of(arrived_on);
  if (record.is_leaving || arrived < record.landed[static_cast<std::size_t>(from)]) return false;
  if (rest.is_tcp()) {
    if (is_awaited(record, from, arrived)) return false;
    if (!stream_.delivered_rest(record.tcp, peer_of(from), rest.tcp)) return false;
  }
  PacketCounters& counters = record.counters_of(from);
  counters.packets_delivered += n;
  counters.bytes_delivered += rest.length;
  return true;
}

bool PacketTracking::icmp_error(Record& record, Role who, const IcmpError& error, TimePoint now) noexcept {
  Steps steps;
  tracker_.icmp_error(record.tcp, who, error, now, steps);
  reports_.report_steps(record, steps, nullptr, now);
  return steps.has_change();
}

void PacketTracking::bad_checksum(Record& record, Role from) noexcept {
  record.is_late = record.is_end_reported;
  const std::uint32_t of_peer = pools_.troubles.count_of(record.tcp.of(peer_of(from)).troubles, Trouble::bad_checksum);
  record.tcp.facts.tell(from, 'C', of_peer + pools_.count(record, from, Trouble::bad_checksum));
}

}  // namespace wobble
