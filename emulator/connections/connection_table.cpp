#include "emulator/connections/connection_table.h"

#include <algorithm>

#include "emulator/connections/connection_opener.h"
#include "emulator/connections/connection_reports.h"
#include "emulator/connections/flood_control.h"
#include "emulator/connections/fragment_tracking.h"
#include "emulator/connections/half_open_connections.h"
#include "emulator/connections/packet_tracking.h"
#include "emulator/connections/record_lifecycle.h"
#include "emulator/connections/record_pools.h"
#include "emulator/connections/record_store.h"

namespace wobble {
namespace {

/// Timers looked at in one advance().
constexpr std::uint32_t kTimersPerAdvance = 256;

// Whether the packet, which is whole, says which flow it is.
bool has_flow(const PacketView& packet) {
  return packet.has_transport || (packet.protocol != kTcp && packet.protocol != kUdp);
}

}  // namespace

/// The parts, each made with those before it.
struct ConnectionTable::State {
  State(const ConnectionTableOptions& options, ConnectionObserver& observer)
      : hash_key{options.hash_key[0], options.hash_key[1]},
        store(options.capacity, hash_key),
        pools(store.capacity()),
        floods(observer, hash_key, options.flood_rate),
        reports(observer, store, pools, floods),
        tracking(pools, reports, floods),
        lifecycle(store, pools, reports, options.timeouts, std::max(options.capacity, 1u)),
        half_open(options, hash_key, store, pools, floods, reports, tracking, lifecycle),
        opener(options, hash_key, store, pools, floods, reports, lifecycle, half_open),
        fragments(hash_key, store, pools, tracking, lifecycle, opener) {}

  /// An ICMP error leaves towards the side opposite of `arrived_on`: what it does to the connection it is about.
  void deliver_icmp_error(const PacketView& packet, Side arrived_on, TimePoint now) noexcept {
    const std::optional<IcmpError> error = parse_icmp_error(packet);
    if (!error) return;
    const Side sender = opposite(arrived_on);
    const std::uint32_t index = opener.find_record(FlowKey::of(error->about, sender));
    if (index == 0) return;
    Record& record = store[index];
    if (tracking.icmp_error(record, record.role_of(sender), *error, now)) lifecycle.settle(index, false, now);
  }

  HashKey hash_key;
  RecordStore store;
  RecordPools pools;
  FloodControl floods;
  ConnectionReports reports;
  PacketTracking tracking;
  RecordLifecycle lifecycle;
  HalfOpenConnections half_open;
  ConnectionOpener opener;
  FragmentTracking fragments;
};

ConnectionTable::ConnectionTable(const ConnectionTableOptions& options, ConnectionObserver& observer)
    : state_(std::make_unique<State>(options, observer)) {}
ConnectionTable::~ConnectionTable() = default;

FlowPosition ConnectionTable::arrive(const PacketView& packet, Side side, TimePoint now) noexcept {
  State& s = *state_;
  if (packet.is_fragment) return s.fragments.arrive(packet, side, now);
  const std::uint32_t index = has_flow(packet) ? s.opener.find_or_open(packet, side, now) : 0;
  if (index == 0) return s.opener.without_connection(packet);
  if (const std::uint32_t half_open = index & ~kHalfOpenHandle; half_open != index)
    return s.half_open.position_of(half_open);
  Record& record = s.store[index];
  const std::uint64_t packet_number = s.tracking.arrive(record, packet, record.role_of(side));
  return {{index, generation_of(record.id)}, record.flow_key, packet_number};
}

void ConnectionTable::sent(ConnectionHandle connection, const PacketView& packet, Side side, const Fate& fate,
                           TimePoint now) noexcept {
  State& s = *state_;
  if (packet.is_fragment) return s.fragments.sent(connection, packet, side, fate, now);
  if (const std::uint32_t half_open = s.half_open.resolve(connection)) {
    if (s.half_open.send(half_open, packet, fate, now)) return;
    Record& record = s.store[s.half_open.promote(half_open)];
    s.tracking.arrive(record, packet, record.role_of(side));
  }
  const std::uint32_t index = s.store.resolve_any(connection);
  if (index == 0) return;
  s.tracking.send(s.store[index], packet, side, fate, now) ? s.lifecycle.settle(index, true, now)
                                                           : s.lifecycle.use(index, now);
}

void ConnectionTable::delivered(ConnectionHandle connection, const PacketView& packet, Side arrived_on,
                                TimePoint arrived, const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  State& s = *state_;
  if (packet.is_fragment) return s.fragments.delivered(connection, packet, arrived_on, arrived, fate, copy, now);
  if (packet.is_tcp() && delivered_on(connection, packet.tcp, packet.length, arrived_on, arrived, fate)) return;
  if (is_icmp(packet.protocol) && !fate.corrupted) s.deliver_icmp_error(packet, arrived_on, now);
  if (const std::uint32_t half_open = s.half_open.resolve(connection)) {
    if (s.half_open.deliver(half_open, packet, arrived, fate, copy, now)) return;
    s.half_open.promote(half_open);
  }
  const std::uint32_t index = s.store.resolve_any(connection);
  if (index == 0) return;
  if (s.tracking.deliver(s.store[index], packet, arrived_on, arrived, fate, copy, now)) {
    s.lifecycle.settle(index, false, now);
  }
  s.lifecycle.note_landed(index, now);
}

bool ConnectionTable::delivered_on(ConnectionHandle connection, const TcpSegment& segment, std::uint32_t length,
                                   Side arrived_on, TimePoint arrived, const Fate& fate) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.store.resolve(connection);
  if (index == 0 || !fate.is_plain()) return false;
  return s.tracking.deliver_on(s.store[index], segment, length, arrived_on, arrived);
}

bool ConnectionTable::arrive_rest(ConnectionHandle connection, const PacketView& rest, std::uint32_t n,
                                  Side side) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.store.resolve(connection);
  const bool may_begin_anew = rest.is_tcp() && rest.tcp.has(tcp_flag::kSyn);
  if (index == 0 || may_begin_anew) return false;
  s.tracking.arrive_rest(s.store[index], rest, n, side);
  return true;
}

bool ConnectionTable::sent_rest(ConnectionHandle connection, const PacketView& rest, Side side,
                                const Fate& fate) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.store.resolve(connection);
  if (index == 0) return true;
  return fate.is_plain() && s.tracking.send_rest(s.store[index], rest, side);
}

bool ConnectionTable::delivered_rest(ConnectionHandle connection, const PacketView& rest, std::uint32_t n,
                                     Side arrived_on, TimePoint arrived, const Fate& fate) noexcept {
  State& s = *state_;
  const std::uint32_t index = s.store.resolve(connection);
  if (index == 0) return true;
  return fate.is_plain() && s.tracking.deliver_rest(s.store[index], rest, n, arrived_on, arrived);
}

FlowPosition ConnectionTable::bad_checksum(const PacketView& packet, Side side) noexcept {
  State& s = *state_;
  const FlowPosition position = s.opener.without_connection(packet);
  if (!packet.is_tcp() || !has_flow(packet)) return position;
  const std::uint32_t index = s.opener.find_record(FlowKey::of(packet, side));
  if (index == 0) return position;
  Record& record = s.store[index];
  s.tracking.bad_checksum(record, record.role_of(side));
  return position;
}

void ConnectionTable::lost(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
                           DropReason reason, std::uint8_t copy, TimePoint now) noexcept {
  State& s = *state_;
  if (packet.is_fragment) return s.fragments.lost(connection, packet, arrived_on, arrived, reason, copy, now);
  if (const std::uint32_t half_open = s.half_open.resolve(connection)) s.half_open.promote(half_open);
  const std::uint32_t index = s.store.resolve_any(connection);
  if (index == 0) return;
  s.tracking.lose(s.store[index], packet, arrived_on, arrived, reason, copy);
  s.lifecycle.note_landed(index, now);
}

TimePoint ConnectionTable::next_due() const noexcept {
  const State& s = *state_;
  return std::min({s.lifecycle.next_due(), s.half_open.next_due(), s.floods.next_due()});
}

void ConnectionTable::advance(TimePoint now) noexcept {
  State& s = *state_;
  std::uint32_t budget = kTimersPerAdvance;
  s.lifecycle.advance(now, budget);
  for (; budget > 0 && s.half_open.next_due() <= now; --budget) s.half_open.expire_oldest(now);
  s.floods.advance(now);
}

bool ConnectionTable::follow(ConnectionId id) noexcept {
  State& s = *state_;
  std::uint32_t index = s.store.find_id(id);
  if (index == 0) {
    const std::uint32_t half_open = s.half_open.entries().find_id(id);
    if (half_open == 0) return false;
    index = s.half_open.promote(half_open);
  }
  s.store[index].budget.follow = true;
  return true;
}

bool ConnectionTable::has(ConnectionId id) const noexcept {
  return state_->store.find_id(id) != 0 || state_->half_open.entries().find_id(id) != 0;
}

std::optional<ConnectionFigures> ConnectionTable::figures(ConnectionId id) const noexcept {
  State& s = *state_;
  if (const std::uint32_t index = s.store.find_id(id)) return s.pools.figures_of(s.store[index]);
  if (const std::uint32_t half_open = s.half_open.entries().find_id(id)) return s.half_open.figures_of(half_open);
  return std::nullopt;
}

std::uint32_t ConnectionTable::size() const noexcept { return state_->opener.size(); }

void ConnectionTable::count_states(std::uint32_t (&by_client_state)[kTcpStateCount]) const noexcept {
  const auto& of_records = state_->pools.by_client_state;
  std::copy(of_records.begin(), of_records.end(), by_client_state);
  by_client_state[static_cast<std::size_t>(TcpState::syn_sent)] += state_->half_open.entries().size();
}

void ConnectionTable::close_all(TimePoint now) noexcept {
  State& s = *state_;
  s.half_open.end_all(now);
  s.lifecycle.end_all(now);
  s.fragments.clear();
  s.floods.end(now);
}

}  // namespace wobble
