#include "emulator/connections/connection_table.h"

#include <algorithm>

#include "emulator/connections/table_state.h"

namespace wobble {
namespace {

// Whether the packet, which is whole, says which flow it is.
bool has_flow(const PacketView& packet) {
  return packet.has_transport || (packet.protocol != kTcp && packet.protocol != kUdp);
}

}  // namespace

ConnectionTable::ConnectionTable(const ConnectionTableOptions& options, ConnectionObserver& observer)
    : state_(std::make_unique<State>(options, observer)) {}
ConnectionTable::~ConnectionTable() = default;

FlowPosition ConnectionTable::arrive(const PacketView& packet, Side side, TimePoint now) noexcept {
  State& s = *state_;
  if (packet.is_fragment) return s.arrive_fragment(packet, side, now);
  const std::uint32_t index = has_flow(packet) ? s.find_or_open(packet, side, now) : 0;
  if (index == 0) return s.without_connection(packet);
  if (const std::uint32_t half_open = index & ~kHalfOpenHandle; half_open != index) return s.position_of(half_open);
  Record& record = s.store[index];
  const std::uint64_t packet_number = s.count_arrival(record, packet, record.role_of(side));
  return {{index, generation_of(record.id)}, record.flow_key, packet_number};
}

void ConnectionTable::sent(ConnectionHandle connection, const PacketView& packet, Side side, const Fate& fate,
                           TimePoint now) noexcept {
  State& s = *state_;
  if (packet.is_fragment) return s.send_fragment(connection, packet, side, fate, now);
  if (const std::uint32_t half_open = s.half_open_of(connection)) {
    if (s.take_sent(half_open, packet, fate, now)) return;
    Record& record = s.store[s.promote(half_open)];
    s.count_arrival(record, packet, record.role_of(side));
  }
  const std::uint32_t index = s.resolve_any(connection);
  if (index == 0) return;
  s.send(s.store[index], packet, side, fate, now) ? s.settle(index, true, now) : s.use(index, now);
}

void ConnectionTable::delivered(ConnectionHandle connection, const PacketView& packet, Side arrived_on,
                                TimePoint arrived, const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  State& s = *state_;
  if (packet.is_fragment) return s.deliver_fragment(connection, packet, arrived_on, arrived, fate, copy, now);
  if (packet.is_tcp() && delivered_on(connection, packet.tcp, packet.length, arrived_on, arrived, fate)) return;
  if (is_icmp(packet.protocol) && !fate.corrupted) s.deliver_icmp_error(packet, arrived_on, now);
  if (const std::uint32_t half_open = s.half_open_of(connection)) {
    if (s.take_delivered(half_open, packet, arrived, fate, copy, now)) return;
    s.promote(half_open);
  }
  const std::uint32_t index = s.resolve_any(connection);
  if (index == 0) return;
  if (s.deliver(s.store[index], packet, arrived_on, arrived, fate, copy, now)) s.settle(index, false, now);
  s.note_landed(index, now);
}

bool ConnectionTable::delivered_on(ConnectionHandle connection, const TcpSegment& segment, std::uint32_t length,
                                   Side arrived_on, TimePoint arrived, const Fate& fate) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.resolve(connection);
  if (index == 0 || !fate.is_plain()) return false;
  Record& record = s.store[index];
  const Role from = record.role_of(arrived_on);
  TimePoint& landed = record.landed[static_cast<std::size_t>(from)];
  if (arrived < landed || s.is_awaited(record, from, arrived)) return false;
  if (!s.stream.delivered(record.tcp, peer_of(from), segment)) return false;
  PacketCounters& counters = record.counters_of(from);
  counters.packets_delivered += 1;
  counters.bytes_delivered += length;
  landed = arrived;
  return true;
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
  const std::size_t headers = rest.is_tcp() ? 0 : std::size_t{n - 1} * rest.payload_offset;
  counters.payload_bytes += State::payload_size(rest) - headers;
  return true;
}

bool ConnectionTable::sent_rest(ConnectionHandle connection, const PacketView& rest, Side side,
                                const Fate& fate) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.resolve(connection);
  if (index == 0) return true;
  if (!fate.is_plain()) return false;
  Record& record = s.store[index];
  return !rest.is_tcp() || s.stream.sent_rest(record.tcp, record.role_of(side), rest.tcp);
}

bool ConnectionTable::delivered_rest(ConnectionHandle connection, const PacketView& rest, std::uint32_t n,
                                     Side arrived_on, TimePoint arrived, const Fate& fate) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.resolve(connection);
  if (index == 0) return true;
  Record& record = s.store[index];
  const Role from = record.role_of(arrived_on);
  PacketCounters& counters = record.counters_of(from);
  if (!fate.is_plain() || record.is_leaving || arrived < record.landed[static_cast<std::size_t>(from)]) return false;
  if (rest.is_tcp()) {
    if (s.is_awaited(record, from, arrived)) return false;
    if (!s.stream.delivered_rest(record.tcp, peer_of(from), rest.tcp)) return false;
  }
  counters.packets_delivered += n;
  counters.bytes_delivered += rest.length;
  return true;
}

FlowPosition ConnectionTable::bad_checksum(const PacketView& packet, Side side) noexcept {
  State& s = *state_;
  const FlowPosition position = s.without_connection(packet);
  if (!packet.is_tcp() || !has_flow(packet)) return position;
  const FlowKey key = FlowKey::of(packet, side);
  const std::uint32_t half_open = s.half_open.find(key);
  const std::uint32_t index = half_open != 0 ? s.promote(half_open) : s.store.find(key);
  if (index == 0) return position;
  Record& record = s.store[index];
  const Role from = record.role_of(side);
  record.is_late = record.is_told;
  const std::uint32_t of_peer = s.troubles.count_of(record.tcp.of(peer_of(from)).troubles, Trouble::bad_checksum);
  record.tcp.facts.tell(from, 'C', of_peer + s.count(record, from, Trouble::bad_checksum));
  return position;
}

void ConnectionTable::lost(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
                           DropReason reason, std::uint8_t copy, TimePoint now) noexcept {
  State& s = *state_;
  if (packet.is_fragment) return s.lose_fragment(connection, packet, arrived_on, arrived, reason, copy, now);
  if (const std::uint32_t half_open = s.half_open_of(connection)) s.promote(half_open);
  const std::uint32_t index = s.resolve_any(connection);
  if (index == 0) return;
  Record& record = s.store[index];
  const Role from = record.role_of(arrived_on);
  record.is_late = record.is_told;
  s.count(record, from, Trouble::dropped);
  if (packet.is_tcp()) s.lose_segment(record, packet.tcp, from, arrived, reason, copy);
  s.note_landed(index, now);
}

TimePoint ConnectionTable::next_due() const noexcept {
  const State& s = *state_;
  return std::min({s.wheel.next_due(), s.half_open_deadline(), s.watch.next_due(), s.tally.next_due(),
                   s.one_sided_watch.next_due(), s.one_sided_tally.next_due()});
}

void ConnectionTable::advance(TimePoint now) noexcept {
  State& s = *state_;
  std::uint32_t budget = kTimersPerAdvance;
  const auto deadline_of = [&s](std::uint32_t index) { return s.deadline_of(index); };
  while (const std::uint32_t index = s.wheel.pop_due(now, budget, deadline_of)) s.expire(index, now);
  for (; budget > 0 && s.half_open_deadline() <= now; --budget) s.expire_half_open(now);
  s.advance_flood(now);
}

bool ConnectionTable::follow(ConnectionId id) noexcept {
  State& s = *state_;
  std::uint32_t index = s.store.find_id(id);
  if (index == 0) {
    const std::uint32_t half_open = s.half_open.find_id(id);
    if (half_open == 0) return false;
    index = s.promote(half_open);
  }
  s.store[index].budget.follow = true;
  return true;
}

bool ConnectionTable::has(ConnectionId id) const noexcept {
  return state_->store.find_id(id) != 0 || state_->half_open.find_id(id) != 0;
}

std::optional<ConnectionFigures> ConnectionTable::figures(ConnectionId id) const noexcept {
  State& s = *state_;
  if (const std::uint32_t index = s.store.find_id(id)) return s.figures_of(s.store[index]);
  if (const std::uint32_t half_open = s.half_open.find_id(id)) return s.figures_of_half_open(half_open);
  return std::nullopt;
}

std::uint32_t ConnectionTable::size() const noexcept { return state_->size(); }

void ConnectionTable::count_states(std::uint32_t (&by_client_state)[kTcpStateCount]) const noexcept {
  std::copy(state_->by_client_state.begin(), state_->by_client_state.end(), by_client_state);
  by_client_state[static_cast<std::size_t>(TcpState::syn_sent)] += state_->half_open.size();
}

void ConnectionTable::close_all(TimePoint now) noexcept {
  State& s = *state_;
  while (const std::uint32_t oldest = s.half_open.oldest()) {
    s.half_open[oldest].is_untold ? s.end_half_open(oldest, End::open, now) : static_cast<void>(s.promote(oldest));
  }
  for (std::uint32_t index = 1; index <= s.store.highest(); ++index) {
    if (!s.store[index].is_used) continue;
    const Record& record = s.store[index];
    s.tell_end(s.store[index], record.is_leaving ? State::end_of_leaving(record) : end_if_open(record.tcp), now);
    s.forget(index, now);
  }
  s.datagrams.clear();
  s.end_flood(now);
}

}  // namespace wobble
