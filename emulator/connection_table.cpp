#include "emulator/connection_table.h"

#include <algorithm>

#include "emulator/connections/table_state.h"

namespace wobble {
namespace {

// Whether the packet says which flow it is: a fragment without ports does not.
bool has_flow(const PacketView& packet) {
  if (packet.has_transport) return true;
  const bool has_ports = packet.protocol == kTcp || packet.protocol == kUdp;
  return !packet.is_fragment && !has_ports;
}

std::size_t payload_size(const PacketView& packet) {
  if (packet.is_tcp()) return packet.tcp.length;
  return packet.length - std::min<std::size_t>(packet.payload_offset, packet.length);
}

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

bool is_icmp(std::uint8_t protocol) { return protocol == kIcmp || protocol == kIcmpV6; }

bool is_plain(const Fate& fate) { return fate.copies == 1 && !fate.is_dropped() && !fate.corrupted && !fate.reordered; }

bool is_ritual(const TcpSegment& segment) { return segment.has(tcp_flag::kSyn | tcp_flag::kFin | tcp_flag::kRst); }

}  // namespace

ConnectionTable::ConnectionTable(const ConnectionTableOptions& options, ConnectionObserver& observer)
    : state_(std::make_unique<State>(options, observer)) {}
ConnectionTable::~ConnectionTable() = default;

FlowPosition ConnectionTable::arrive(const PacketView& packet, Side side, TimePoint now) noexcept {
  State& s = *state_;
  const std::uint32_t index = has_flow(packet) ? s.find_or_open(packet, side, now) : 0;
  if (index == 0) return s.without_connection(packet);
  Record& record = s.store[index];
  PacketCounters& counters = record.counters_of(record.role_of(side));
  const std::uint64_t packet_number = counters.packets_sent;
  counters.packets_sent += 1;
  counters.bytes_sent += packet.length;
  counters.payload_bytes += payload_size(packet);
  return {{index, record.generation}, record.flow_key, packet_number};
}

void ConnectionTable::sent(ConnectionHandle connection, const PacketView& packet, Side side, const Fate& fate,
                           TimePoint now) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.resolve(connection);
  if (index == 0) return;
  Record& record = s.store[index];
  const Role from = record.role_of(side);
  if (fate.copies > 1) ++s.need_troubles(record, from).duplicated;
  if (fate.corrupted) ++s.need_troubles(record, from).corrupted;
  if (fate.reordered && !fate.is_dropped()) ++s.need_troubles(record, from).reordered;
  if (!packet.is_tcp()) {
    s.tell_lost_copies(record, packet, from, fate, {}, false, now);
    s.use_flow(index, now);
    return;
  }
  Steps steps;
  const Sending sending = s.tracker.sent(record.tcp, from, packet, is_lost(fate), now, steps);
  if (sending.retransmission) record.tcp.facts.tell(from, 'T', ++s.need_troubles(record, from).retransmissions);
  if (sending.is_close) {
    const CloseKind kind = packet.tcp.has(tcp_flag::kRst) ? CloseKind::rst : CloseKind::fin;
    s.closes.add(record.closes, {now, from, kind, false});
  }
  if (sending.retransmission_by_us) ++s.need_troubles(record, from).retransmissions_by_us;
  const SegmentSummary summary{packet.tcp, word_for(fate, now), fate.dropped};
  s.publish(record, steps, &summary, now);
  s.tell_lost_copies(record, packet, from, fate, sending, steps.has_change(), now);
  s.settle(index, true, now);
}

void ConnectionTable::delivered(ConnectionHandle connection, const PacketView& packet, Side arrived_on,
                                TimePoint arrived, const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  State& s = *state_;
  if (is_icmp(packet.protocol) && !fate.corrupted) s.deliver_icmp_error(packet, arrived_on, now);
  const std::uint32_t index = s.resolve(connection);
  if (index == 0) return;
  Record& record = s.store[index];
  const Role from = record.role_of(arrived_on);
  PacketCounters& counters = record.counters_of(from);
  counters.packets_delivered += 1;
  counters.bytes_delivered += packet.length;
  TimePoint& landed = record.landed[static_cast<std::size_t>(from)];
  if (arrived < landed && copy == 0) ++s.need_troubles(record, from).out_of_order_by_us;
  landed = std::max(landed, arrived);
  if (!packet.is_tcp()) return;
  const FateWord word = word_for_copy(fate, arrived);
  Steps steps;
  if (!fate.corrupted && record.closes.count > 0) s.closes.deliver(record.closes, from, arrived);
  if (!fate.corrupted) s.tracker.delivered(record.tcp, peer_of(from), packet.tcp, arrived, now, steps);
  const SegmentSummary summary{packet.tcp, word, DropReason::none};
  s.publish(record, steps, &summary, now);
  const Mark mark = s.marks.take(record.tcp.of(from).marks, arrived, packet.tcp.seq);
  const bool is_notable = mark.notable || mark.retransmission || is_ritual(packet.tcp) || steps.has_change() ||
                          fate.copies > 1 || fate.corrupted || fate.reordered;
  s.tell_segment(record,
                 {packet.tcp, from, copy, mark.retransmission, is_notable, word, DropReason::none, arrived, now});
  if (steps.count > 0) s.settle(index, false, now);
}

bool ConnectionTable::arrive_rest(ConnectionHandle connection, const PacketView& rest, std::uint32_t n,
                                  Side side) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.resolve(connection);
  const bool may_begin_anew = rest.is_tcp() && rest.tcp.has(tcp_flag::kSyn);
  if (index == 0 || may_begin_anew) return false;
  PacketCounters& counters = s.store[index].counters_of(s.store[index].role_of(side));
  counters.packets_sent += n;
  counters.bytes_sent += rest.length;
  counters.payload_bytes += rest.is_tcp() ? rest.tcp.length : rest.length - std::size_t{n} * rest.payload_offset;
  return true;
}

bool ConnectionTable::sent_rest(ConnectionHandle connection, const PacketView& rest, Side side,
                                const Fate& fate) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.resolve(connection);
  if (index == 0) return true;
  if (!is_plain(fate)) return false;
  Record& record = s.store[index];
  return !rest.is_tcp() || s.tracker.sent_rest(record.tcp, record.role_of(side), rest.tcp);
}

bool ConnectionTable::delivered_rest(ConnectionHandle connection, const PacketView& rest, std::uint32_t n,
                                     Side arrived_on, TimePoint arrived, const Fate& fate) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.resolve(connection);
  if (index == 0) return true;
  Record& record = s.store[index];
  const Role from = record.role_of(arrived_on);
  PacketCounters& counters = record.counters_of(from);
  if (!is_plain(fate) || arrived < record.landed[static_cast<std::size_t>(from)]) return false;
  if (rest.is_tcp()) {
    const bool is_told = record.budget.follow || record.budget.others < kMaxOtherSegments;
    if (is_told || record.closes.count > 0 || record.tcp.of(from).marks.count > 0) return false;
    if (!s.tracker.delivered_rest(record.tcp, peer_of(from), rest.tcp)) return false;
  }
  counters.packets_delivered += n;
  counters.bytes_delivered += rest.length;
  return true;
}

void ConnectionTable::bad_checksum(const PacketView& packet, Side side) noexcept {
  State& s = *state_;
  const std::uint32_t index = packet.is_tcp() && has_flow(packet) ? s.store.find(FlowKey::of(packet, side)) : 0;
  if (index == 0) return;
  TcpConnection& tcp = s.store[index].tcp;
  std::uint16_t& bad = s.troubles.need(tcp.troubles).bad_checksum;
  count(bad);
  tcp.facts.tell(s.store[index].role_of(side), 'C', bad);
}

void ConnectionTable::lost(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
                           DropReason reason, std::uint8_t copy, TimePoint now) noexcept {
  (void)now;
  State& s = *state_;
  const std::uint32_t index = s.resolve(connection);
  if (index == 0) return;
  Record& record = s.store[index];
  const Role from = record.role_of(arrived_on);
  ++s.need_troubles(record, from).dropped_packets;
  if (!packet.is_tcp()) return;
  const Mark mark = s.marks.take(record.tcp.of(from).marks, arrived, packet.tcp.seq);
  if (copy == 0) s.tracker.lost(record.tcp, from, packet.tcp);
  s.tell_segment(record,
                 {packet.tcp, from, copy, mark.retransmission, true, FateWord::dropped, reason, arrived, kNever});
}

TimePoint ConnectionTable::next_due() const noexcept { return state_->wheel.next_due(); }

void ConnectionTable::advance(TimePoint now) noexcept {
  State& s = *state_;
  std::uint32_t budget = kTimersPerAdvance;
  while (const std::uint32_t index = s.wheel.pop_due(now, budget)) s.expire(index, now);
}

bool ConnectionTable::follow(ConnectionId id) noexcept {
  const std::uint32_t index = state_->store.find_id(id);
  if (index == 0) return false;
  state_->store[index].budget.follow = true;
  return true;
}

std::optional<ConnectionFigures> ConnectionTable::figures(ConnectionId id) const noexcept {
  const State& s = *state_;
  const std::uint32_t index = s.store.find_id(id);
  if (index == 0) return std::nullopt;
  return s.figures_of(s.store[index]);
}

std::uint32_t ConnectionTable::size() const noexcept { return state_->store.size(); }

void ConnectionTable::count_states(std::uint32_t (&by_client_state)[kTcpStateCount]) const noexcept {
  std::copy(state_->by_client_state.begin(), state_->by_client_state.end(), by_client_state);
}

void ConnectionTable::close_all(TimePoint now) noexcept {
  State& s = *state_;
  for (std::uint32_t index = 1; index <= s.store.highest(); ++index) {
    if (!s.store[index].is_used) continue;
    s.tell_end(s.store[index], End::open, now);
    s.forget(index);
  }
}

}  // namespace wobble
