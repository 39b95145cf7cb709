#include "emulator/connections/table_state.h"

#include <algorithm>

namespace wobble {
namespace {

// The classes beside the tracker's seven: flows other than TCP, and what is leaving.
constexpr std::uint8_t kFlows = 7;
static_assert(static_cast<std::size_t>(Awaited::closed) + 1 == kFlows && kFlows < kLeaving);
// Those in which a FIN has passed wait their turn in one list.
constexpr std::uint8_t class_of(Awaited what) {
  return static_cast<std::uint8_t>(what == Awaited::closing ? Awaited::half_closed : what);
}

// RFC 6298 2.1: so long a client waits before it takes its SYN for lost.
constexpr Duration kAnswering = std::chrono::seconds(1);

// Ports below this are not handed out to clients by the common systems (Linux: 32768, IANA: 49152).
constexpr std::uint16_t kFirstClientPort = 32'768;

}  // namespace

ConnectionTable::State::State(const ConnectionTableOptions& the_options, ConnectionObserver& the_observer)
    : options(the_options),
      observer(the_observer),
      hash_key{the_options.hash_key[0], the_options.hash_key[1]},
      store(the_options.capacity, hash_key),
      half_open(the_options.capacity, hash_key),
      untold(std::size_t{store.capacity()} + 1),
      idle(store.capacity()),
      wheel(store.capacity()),
      counters(kCountedNames),
      datagrams(hash_key),
      ranges(std::max(store.capacity(), 1024u)),
      troubles(store.capacity() + 1),  // and a record that is made for the moment
      marks(std::max(store.capacity(), 1024u)),
      closes(std::max(4 * store.capacity(), 4096u)),
      tracker(ranges, troubles),
      stream(ranges, troubles),
      watch(the_options.flood_rate),
      one_sided_watch(the_options.flood_rate),
      next_id(the_options.first_id) {}

// ICMP's "ports" are an identifier that differs from run to run: no part of what a server is.
Endpoint ConnectionTable::State::server_of(const FlowKey& key, Side server_side) noexcept {
  Endpoint server = key.endpoint(server_side);
  if (is_icmp(key.protocol)) server.port = 0;
  return server;
}

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
  if (!packet.is_tcp()) return Opening{side, false, false, Rule::timer, {}, {}};
  switch (kind_of(packet.tcp)) {
    case SegmentKind::syn: return Opening{side, false, false, Rule::syn, {}, SynText::of(packet)};
    case SegmentKind::syn_ack: return Opening{opposite(side), true, true, Rule::syn, {}, {}};
    case SegmentKind::ack:
    case SegmentKind::fin: {
      const Side client = guess_client(packet, side);
      return Opening{client, true, client != side, Rule::midstream, {}, {}};
    }
    default: return std::nullopt;
  }
}

std::uint32_t ConnectionTable::State::find_or_open(const PacketView& packet, Side side, TimePoint now) noexcept {
  const FlowKey key = FlowKey::of(packet, side);
  std::uint32_t index = store.find(key);
  if (idle.count(kLeaving) > 0) {
    if (const std::uint32_t earlier = earlier_of(key, index, packet, side)) return earlier;
  }
  if (index == 0 && packet.is_tcp()) {
    if (const std::uint32_t waiting = half_open.find(key)) {
      if (goes_on(waiting, packet, side, now)) return waiting | kHalfOpenHandle;
      if (is_new_attempt(waiting, packet, side)) {
        end_half_open(waiting, End::superseded, now);
        return open(key, {side, false, false, Rule::restart, {}, SynText::of(packet)}, now);
      }
      index = promote(waiting);
    }
  }
  if (index == 0) {
    const std::optional<Opening> opening = opening_of(packet, side);
    if (!opening || (!opening->syn && !may_open(key, *opening, side, now))) return 0;
    return open(key, *opening, now);
  }
  return packet.is_tcp() ? begin_anew_or_go_on(index, packet, side, now) : index;
}

std::uint32_t ConnectionTable::State::begin_anew_or_go_on(std::uint32_t index, const PacketView& packet, Side side,
                                                          TimePoint now) noexcept {
  Record& record = store[index];
  const FlowKey key = record.key;
  const Role sender = record.role_of(side);
  const PendingSyn* pending = pending_syn(record.tcp, troubles);
  const Rule rule = new_incarnation_rule(record.tcp, pending, sender, packet.tcp);
  if (rule == Rule::timer) return index;
  const bool is_pending = rule == Rule::syn_within_answered;
  Opening opening{is_pending ? opposite(side) : side, false, false, rule, {}, {}};
  if (!is_pending) opening.syn = SynText::of(packet);
  if (is_pending) opening.pending = *pending;
  dismiss(index, End::superseded, now);
  return open(key, opening, now);
}

std::uint32_t ConnectionTable::State::open(const FlowKey& key, const Opening& opening, TimePoint now) noexcept {
  const ConnectionId id = options.ids ? options.ids->fetch_add(1, std::memory_order_relaxed) : next_id;
  next_id += options.id_step;
  if (opening.syn) return open_half(key, opening, id, now);
  make_room(now);
  const std::uint32_t index = store.insert(key, id);
  Record& record = store[index];
  const Side server_side = opposite(opening.client_side);
  record.client_side = opening.client_side;
  record.last_segment = now;
  const std::uint32_t ordinal = counters.next(server_name(key, server_side));
  record.flow_key = flow_key_of(key, server_side, ordinal);
  record.tcp.midstream = opening.midstream;
  record.tcp.opened_rule = opening.rule;
  if (opening.is_flipped) record.tcp.facts.flip();
  tell_opened(record, ordinal, now);
  if (key.protocol != kTcp) {
    record.last_segment = now;
    idle.touch(index, kFlows);
    wheel.set(index, deadline_of(index), now);
    return index;
  }
  if (opening.rule == Rule::syn_within_answered)
    TcpTracker::begin_with_pending(record.tcp, Role::client, opening.pending);
  ++by_client_state[static_cast<std::size_t>(TcpState::none)];
  settle(index, true, now);
  return index;
}

std::uint64_t ConnectionTable::State::flow_key_of(const FlowKey& key, Side server_side,
                                                  std::uint32_t ordinal) noexcept {
  return hash_of(kFlowKeySecret, key.protocol, server_of(key, server_side), ordinal);
}

std::uint32_t ConnectionTable::State::resolve(ConnectionHandle handle) const noexcept {
  if (!handle || handle.index == 0 || handle.index > store.capacity()) return 0;
  const Record& record = store[handle.index];
  return record.is_used && generation_of(record.id) == handle.generation ? handle.index : 0;
}

void ConnectionTable::State::deliver_icmp_error(const PacketView& packet, Side arrived_on, TimePoint now) noexcept {
  const std::optional<IcmpError> error = parse_icmp_error(packet);
  if (!error) return;
  const Side sender = opposite(arrived_on);
  const FlowKey key = FlowKey::of(error->about, sender);
  const std::uint32_t half = half_open.find(key);
  const std::uint32_t index = half != 0 ? promote(half) : store.find(key);
  if (index == 0) return;
  Record& record = store[index];
  Steps steps;
  tracker.icmp_error(record.tcp, record.role_of(sender), *error, now, steps);
  publish(record, steps, nullptr, now);
  if (steps.has_change()) settle(index, false, now);
}

void ConnectionTable::State::use(std::uint32_t index, TimePoint now) noexcept {
  store[index].last_segment = now;
  idle.touch(index);
}

TimePoint ConnectionTable::State::deadline_of(std::uint32_t index) const noexcept {
  const Record& record = store[index];
  if (record.is_leaving) return record.last_segment + kLongestFlight;
  if (record.key.protocol != kTcp) return record.last_segment + options.timeouts.flow;
  return wobble::deadline_of(record.tcp, options.timeouts, record.last_segment);
}

void ConnectionTable::State::settle(std::uint32_t index, bool is_use, TimePoint now) noexcept {
  Record& record = store[index];
  const std::uint8_t list = record.is_leaving ? kLeaving : class_of(awaited_by(record.tcp));
  if (is_use) record.last_segment = now;
  if (is_use || !idle.is_in(index, list)) idle.touch(index, list);
  wheel.set(index, deadline_of(index), now);
  const bool is_over = wobble::is_over(record.tcp);
  if (record.is_told && !is_over) {
    record.is_told = record.is_late = false;
    observer.on_reopened({record.id, now});
  }
  if (record.is_told || !is_over) return;
  tell_end(record, end_of(record.tcp), now);
  if (record.is_untold) forget(index, now);  // counted: nobody asks what comes behind it
}

void ConnectionTable::State::expire(std::uint32_t index, TimePoint now) noexcept {
  Record& record = store[index];
  if (record.is_leaving) return end_leaving(index, now);
  if (record.key.protocol != kTcp) {
    tell_end(record, End::idle_timeout, now);
    return dismiss(index, End::idle_timeout, now);
  }
  Steps steps;
  const bool is_done = time_out(record.tcp, options.timeouts, record.last_segment, now, steps);
  publish(record, steps, nullptr, now);
  if (is_done) {
    tell_end(record, end_of(record.tcp), now);
    dismiss(index, end_of(record.tcp), now);
  } else {
    settle(index, false, now);
  }
}

// Whoever matters least: a handshake that nobody answered, or a flow other than TCP, whoever is idle longer; a
// handshake that was answered; what only waits for stray segments; what is being closed; the rest. In each the one idle
// longest. A handshake that has only begun comes behind those that wait, as long as its answer may be on its way: else
// a flood that is answered would take the place of every other connection before it is answered too.
void ConnectionTable::State::make_room(TimePoint now) noexcept {
  if (size() < capacity()) return;
  const std::uint32_t unanswered = half_open.oldest();
  TimePoint idle_since = unanswered != 0 ? half_open[unanswered].last_arrival() : kNever;
  bool is_half_open = unanswered != 0 && now - idle_since >= kAnswering;
  if (!is_half_open) idle_since = kNever;
  std::uint32_t victim = 0;
  for (const std::uint8_t list : {class_of(Awaited::half_open), kFlows}) {
    const std::uint32_t oldest = idle.oldest(list);
    if (oldest == 0 || store[oldest].last_segment >= idle_since) continue;
    victim = oldest;
    idle_since = store[oldest].last_segment;
    is_half_open = false;
  }
  for (const Awaited what : {Awaited::syn_received, Awaited::closed, Awaited::time_wait}) {
    if (victim == 0 && !is_half_open) victim = idle.oldest(class_of(what));
  }
  if (victim == 0 && unanswered != 0) return end_half_open(unanswered, End::evicted, now);
  for (const Awaited what : {Awaited::half_closed, Awaited::established}) {
    if (victim == 0) victim = idle.oldest(class_of(what));
  }
  dismiss(victim, End::evicted, now);
}

ConnectionFigures ConnectionTable::State::figures_of(const Record& record) const noexcept {
  ConnectionFigures figures;
  record.client.fill(figures.client);
  record.server.fill(figures.server);
  troubles.fill(figures.client, record.tcp.client.troubles, record.tcp.server.troubles);
  troubles.fill(figures.server, record.tcp.server.troubles, record.tcp.client.troubles);
  figures.last_packet_at = record.last_segment;
  if (record.key.protocol != kTcp) return figures;
  TcpFigures::fill(figures, record.tcp, troubles, record.last_segment);
  figures.closes = closes.read(record.closes);
  return figures;
}

void ConnectionTable::State::tell_end(Record& record, End end, TimePoint now) noexcept {
  if (record.is_told) return;
  record.is_told = true;
  if (record.is_untold) return count_failure(record, end, now);
  const TcpConnection& tcp = record.tcp;
  observer.on(
      ConnectionClosed{record.id, now, end, tcp.closed_by, tcp.client.state, tcp.server.state, figures_of(record)});
}

void ConnectionTable::State::release(Record& record) noexcept {
  if (record.key.protocol == kTcp) count_state(record, record.tcp.client.state, -1u);
  for (TcpEndpoint* endpoint : {&record.tcp.client, &record.tcp.server}) {
    marks.release(endpoint->marks);
    troubles.release(endpoint->troubles, ranges);
  }
  closes.release(record.closes);
}

void ConnectionTable::State::forget(std::uint32_t index, TimePoint now) noexcept {
  Record& record = store[index];
  if (record.is_late && !record.is_untold) {
    observer.on_late({record.id, now, record.tcp.client.state, record.tcp.server.state, figures_of(record)});
  }
  release(record);
  idle.remove(index);
  wheel.cancel(index);
  store.erase(index);
}

}  // namespace wobble
