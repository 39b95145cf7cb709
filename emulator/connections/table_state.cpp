#include "emulator/connections/table_state.h"

#include <algorithm>

namespace wobble {
namespace {

// The eighth class beside the tracker's seven: flows other than TCP.
constexpr std::uint8_t kFlows = 7;
static_assert(static_cast<std::size_t>(Waiting::closed) + 1 == kFlows && kFlows < IdleLists::kClasses);
constexpr std::uint8_t class_of(Waiting what) { return static_cast<std::uint8_t>(what); }

// Ports below this are not handed out to clients by the common systems (Linux: 32768, IANA: 49152).
constexpr std::uint16_t kFirstClientPort = 32'768;

bool is_icmp(std::uint8_t protocol) { return protocol == kIcmp || protocol == kIcmpV6; }

// ICMP's "ports" are an identifier that differs from run to run: no part of what a server is.
Endpoint server_of(const FlowKey& key, Side server_side) {
  Endpoint server = key.endpoint(server_side);
  if (is_icmp(key.protocol)) server.port = 0;
  return server;
}

}  // namespace

ConnectionTable::State::State(const ConnectionTableOptions& the_options, ConnectionObserver& the_observer)
    : options(the_options),
      observer(the_observer),
      hash_key{the_options.hash_key[0], the_options.hash_key[1]},
      store(the_options.capacity, hash_key),
      idle(store.capacity()),
      wheel(store.capacity()),
      counters(kCountedNames),
      ranges(std::max(store.capacity(), 1024u)),
      troubles(store.capacity()),
      marks(std::max(store.capacity(), 1024u)),
      closes(std::max(4 * store.capacity(), 4096u)),
      tracker(ranges, troubles, options.timeouts),
      next_id(the_options.first_id) {}

std::uint64_t ConnectionTable::State::server_name(const FlowKey& key, Side server_side) const noexcept {
  return hash_of(hash_key, key.protocol, server_of(key, server_side), 0);
}

FlowPosition ConnectionTable::State::without_connection(const PacketView& packet) noexcept {
  FlowPosition position;
  position.flow_key = hash_of(kFlowKeySecret, packet.protocol, packet.source, packet.destination);
  position.packet = counters.next(hash_of(hash_key, packet.protocol, packet.source, packet.destination)) - 1;
  return position;
}

// Of a connection that was picked up in the middle: the server is who has a port clients do not get, or is known as a
// server; otherwise who sends first is taken for the client.
Side ConnectionTable::State::guess_client(const PacketView& packet, Side side) const noexcept {
  const bool is_source_low = packet.source_port < kFirstClientPort;
  const bool is_destination_low = packet.destination_port < kFirstClientPort;
  if (is_source_low != is_destination_low) return is_source_low ? opposite(side) : side;
  const FlowKey key = FlowKey::of(packet, side);
  const bool is_source_known = counters.knows(server_name(key, side));
  const bool is_destination_known = counters.knows(server_name(key, opposite(side)));
  return is_source_known && !is_destination_known ? opposite(side) : side;
}

// What a packet without a record opens; nothing for a lone RST or impossible flags.
std::optional<ConnectionTable::State::Opening> ConnectionTable::State::opening_of(const PacketView& packet,
                                                                                  Side side) const noexcept {
  if (!packet.is_tcp()) return Opening{side, false, false, kNoRow, {}};
  switch (kind_of(packet.tcp)) {
    case SegmentKind::syn: return Opening{side, false, false, 1, {}};
    case SegmentKind::syn_ack: return Opening{opposite(side), true, true, 1, {}};
    case SegmentKind::ack:
    case SegmentKind::fin: {
      const Side client = guess_client(packet, side);
      return Opening{client, true, client != side, 40, {}};
    }
    default: return std::nullopt;
  }
}

std::uint32_t ConnectionTable::State::find_or_open(const PacketView& packet, Side side, TimePoint now) noexcept {
  const FlowKey key = FlowKey::of(packet, side);
  const std::uint32_t index = store.find(key);
  if (index == 0) {
    const std::optional<Opening> opening = opening_of(packet, side);
    return opening ? open(key, *opening, now) : 0;
  }
  if (!packet.is_tcp()) return index;
  Record& record = store[index];
  const Role sender = record.role_of(side);
  const PendingSyn pending = troubles.known(record.tcp.troubles).pending;
  const std::uint8_t row = new_incarnation_row(record.tcp, pending, sender, packet.tcp, record.is_told);
  if (row == kNoRow) return index;
  Opening opening{row == 8 ? opposite(side) : side, false, false, row, pending};
  if (row == 8 && !opening.pending.is_set) {
    const TcpEndpoint& client = record.tcp.of(peer_of(sender));
    opening.pending = {true, peer_of(sender), client.window_scale, client.has(TcpEndpoint::kHasScale), client.iss, now};
  }
  tell_end(record, End::superseded, now);
  forget(index);
  return open(key, opening, now);
}

std::uint32_t ConnectionTable::State::open(const FlowKey& key, const Opening& opening, TimePoint now) noexcept {
  const ConnectionId id = options.ids ? options.ids->fetch_add(1, std::memory_order_relaxed) : next_id;
  next_id += options.id_step;
  std::uint32_t index = store.insert(key, id);
  if (index == 0) {
    evict_one(now);
    index = store.insert(key, id);
  }
  Record& record = store[index];
  const Side server_side = opposite(opening.client_side);
  const Endpoint server = server_of(key, server_side);
  record.client_side = opening.client_side;
  record.last_segment = now;
  record.ordinal = counters.next(server_name(key, server_side));
  record.flow_key = hash_of(kFlowKeySecret, key.protocol, server, record.ordinal);
  record.tcp.midstream = opening.midstream;
  record.tcp.opened_row = opening.row;
  if (opening.is_flipped) record.tcp.facts.flip();
  observer.on(ConnectionOpened{record.id, now, key.protocol, opening.client_side, opening.midstream, record.ordinal,
                               key.endpoint(opening.client_side), server});
  if (key.protocol != kTcp) {
    use_flow(index, now);
    return index;
  }
  if (opening.row == 8) TcpTracker::begin_with_pending(record.tcp, Role::client, opening.pending);
  ++by_client_state[static_cast<std::size_t>(TcpState::none)];
  settle(index, true, now);
  return index;
}

std::uint32_t ConnectionTable::State::resolve(ConnectionHandle handle) const noexcept {
  if (!handle || handle.index == 0 || handle.index > store.capacity()) return 0;
  const Record& record = store[handle.index];
  return record.is_used && record.generation == handle.generation ? handle.index : 0;
}

void ConnectionTable::State::publish(const Record& record, const Steps& steps, const SegmentSummary* segment,
                                     TimePoint now) noexcept {
  for (const Step& step : steps) {
    if (step.from == step.to) continue;
    if (step.side == Role::client) {
      --by_client_state[static_cast<std::size_t>(step.from)];
      ++by_client_state[static_cast<std::size_t>(step.to)];
    }
    Transition transition{record.id, now, step.side, step.from, step.to, step.evidence, step.row, false, {}};
    if (segment != nullptr) {
      transition.has_segment = true;
      transition.segment = *segment;
    }
    observer.on(transition);
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
  observer.on(SegmentRecord{record.id, landing.from, landing.copy, landing.retransmission, landing.fate, landing.drop,
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
    ++need_troubles(record, from).dropped_packets;
    if (!packet.is_tcp()) continue;
    tell_segment(record, {packet.tcp, from, static_cast<std::uint8_t>(copy), sending.retransmission, true,
                          FateWord::dropped, reason, now, kNever});
  }
  if (surviving > 0 && (sending.retransmission || is_notable)) {
    marks.add(record.tcp.of(from).marks, now, packet.tcp.seq, surviving, {sending.retransmission, is_notable});
  }
}

void ConnectionTable::State::deliver_icmp_error(const PacketView& packet, Side arrived_on, TimePoint now) noexcept {
  const std::optional<IcmpError> error = parse_icmp_error(packet);
  if (!error) return;
  const Side sender = opposite(arrived_on);
  const std::uint32_t index = store.find(FlowKey::of(error->about, sender));
  if (index == 0) return;
  Record& record = store[index];
  Steps steps;
  tracker.icmp_error(record.tcp, record.role_of(sender), *error, now, steps);
  publish(record, steps, nullptr, now);
  if (steps.has_change()) settle(index, false, now);
}

void ConnectionTable::State::use_flow(std::uint32_t index, TimePoint now) noexcept {
  store[index].last_segment = now;
  idle.touch(index, kFlows);
  wheel.set(index, now + options.timeouts.flow, now);
}

void ConnectionTable::State::settle(std::uint32_t index, bool is_use, TimePoint now) noexcept {
  Record& record = store[index];
  if (is_use && TcpTracker::is_open(record.tcp)) {  // the usual case
    record.last_segment = now;
    idle.touch(index, class_of(Waiting::established));
    wheel.set(index, now + options.timeouts.established, now);
    return;
  }
  const std::uint8_t list = class_of(TcpTracker::waiting(record.tcp));
  if (is_use) record.last_segment = now;
  if (is_use || idle.list_of(index) != list) idle.touch(index, list);
  wheel.set(index, tracker.deadline(record.tcp, record.last_segment), now);
  if (!record.is_told && TcpTracker::is_over(record.tcp)) tell_end(record, TcpTracker::end_of(record.tcp), now);
}

void ConnectionTable::State::expire(std::uint32_t index, TimePoint now) noexcept {
  Record& record = store[index];
  if (record.key.protocol != kTcp) {
    tell_end(record, End::idle_timeout, now);
    forget(index);
    return;
  }
  Steps steps;
  const bool is_done = tracker.time_out(record.tcp, record.last_segment, now, steps);
  publish(record, steps, nullptr, now);
  if (is_done) {
    tell_end(record, TcpTracker::end_of(record.tcp), now);
    forget(index);
  } else {
    settle(index, false, now);
  }
}

// tcp.md section 4. Flows other than TCP take their turn with the half-open connections: whoever is idle longer.
std::uint32_t ConnectionTable::State::victim() const noexcept {
  const std::uint32_t half_open = idle.oldest(class_of(Waiting::half_open));
  const std::uint32_t flow = idle.oldest(kFlows);
  if (half_open != 0 && flow != 0) {
    return store[flow].last_segment < store[half_open].last_segment ? flow : half_open;
  }
  if (half_open != 0 || flow != 0) return half_open != 0 ? half_open : flow;
  for (const Waiting what : {Waiting::syn_received, Waiting::closed, Waiting::time_wait, Waiting::half_closed,
                             Waiting::closing, Waiting::established}) {
    const std::uint32_t oldest = idle.oldest(class_of(what));
    if (oldest != 0) return oldest;
  }
  return 0;
}

void ConnectionTable::State::evict_one(TimePoint now) noexcept {
  const std::uint32_t index = victim();
  if (index == 0) return;
  tell_end(store[index], End::evicted, now);
  forget(index);
}

ConnectionFigures ConnectionTable::State::figures_of(const Record& record) const noexcept {
  ConnectionFigures figures;
  const Troubles& known = troubles.known(record.tcp.troubles);
  figures.client = record.client.figures(known.client);
  figures.server = record.server.figures(known.server);
  figures.last_packet_at = record.last_segment;
  if (record.key.protocol != kTcp) return figures;
  tracker.fill(figures, record.tcp, record.last_segment);
  figures.closes = closes.read(record.closes);
  return figures;
}

void ConnectionTable::State::tell_end(Record& record, End end, TimePoint now) noexcept {
  if (record.is_told) return;
  record.is_told = true;
  const TcpConnection& tcp = record.tcp;
  observer.on(
      ConnectionClosed{record.id, now, end, tcp.closed_by, tcp.client.state, tcp.server.state, figures_of(record)});
}

void ConnectionTable::State::forget(std::uint32_t index) noexcept {
  Record& record = store[index];
  if (record.key.protocol == kTcp) {
    --by_client_state[static_cast<std::size_t>(record.tcp.client.state)];
    for (TcpEndpoint* endpoint : {&record.tcp.client, &record.tcp.server}) {
      marks.release(endpoint->marks);
    }
  }
  troubles.release(record.tcp.troubles, ranges);
  closes.release(record.closes);
  idle.remove(index);
  wheel.cancel(index);
  store.erase(index);
}

}  // namespace wobble
