#include "emulator/connections/connection_opener.h"

#include <algorithm>

#include "emulator/connections/connection_reports.h"
#include "emulator/connections/flood_control.h"
#include "emulator/connections/record_pools.h"
#include "emulator/connections/record_store.h"
#include "emulator/connections/tcp/tcp_tracker.h"
#include "emulator/connections/tcp/transition_table.h"

namespace wobble {
namespace {

// Server endpoints whose connections are counted, and address pairs whose packets without ports are.
constexpr std::uint32_t kCountedNames = 16'384;

// RFC 6298 2.1: so long a client waits before it takes its SYN for lost.
constexpr Duration kAnswering = std::chrono::seconds(1);

// Ports below this are not handed out to clients by the common systems (Linux: 32768, IANA: 49152).
constexpr std::uint16_t kFirstClientPort = 32'768;

}  // namespace

ConnectionOpener::ConnectionOpener(const ConnectionTableOptions& options, HashKey hash_key, RecordStore& store,
                                   RecordPools& pools, FloodControl& floods, ConnectionReports& reports,
                                   RecordLifecycle& lifecycle, HalfOpenConnections& half_open)
    : capacity_(std::max(options.capacity, 1u)),
      ids_(options.ids),
      next_id_(options.first_id),
      id_step_(options.id_step),
      hash_key_(hash_key),
      store_(store),
      pools_(pools),
      floods_(floods),
      reports_(reports),
      lifecycle_(lifecycle),
      half_open_(half_open),
      counters_(kCountedNames) {}

std::uint64_t ConnectionOpener::server_name(const FlowKey& key, Side server_side) const noexcept {
  return hash_of(hash_key_, key.protocol, server_of(key, server_side), 0);
}

FlowPosition ConnectionOpener::without_connection(const PacketView& packet) noexcept {
  FlowPosition position;
  position.flow_key = hash_of(kFlowKeySecret, packet.protocol, packet.source, packet.destination);
  position.packet = counters_.next(hash_of(hash_key_, packet.protocol, packet.source, packet.destination)) - 1;
  return position;
}

std::uint32_t ConnectionOpener::find_record(const FlowKey& key) noexcept {
  const std::uint32_t half = half_open_.entries().find(key);
  return half != 0 ? half_open_.promote(half) : store_.find(key);
}

// Of a connection that was picked up in the middle: the server is who has a port clients do not get, or is known as a
// server; otherwise who sends first is taken for the client.
Side ConnectionOpener::guess_client(const PacketView& packet, Side side) const noexcept {
  const bool is_source_low = packet.source_port < kFirstClientPort;
  const bool is_destination_low = packet.destination_port < kFirstClientPort;
  if (is_source_low != is_destination_low) return is_source_low ? opposite(side) : side;
  const FlowKey key = FlowKey::of(packet, side);
  const bool is_source_known = counters_.knows(server_name(key, side));
  const bool is_destination_known = counters_.knows(server_name(key, opposite(side)));
  return is_source_known && !is_destination_known ? opposite(side) : side;
}

// What a packet without a record opens; nothing for a lone RST or impossible flags.
std::optional<ConnectionOpener::Opening> ConnectionOpener::opening_of(const PacketView& packet,
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

std::uint32_t ConnectionOpener::find_or_open(const PacketView& packet, Side side, TimePoint now) noexcept {
  const FlowKey key = FlowKey::of(packet, side);
  std::uint32_t index = store_.find(key);
  if (lifecycle_.leaving() > 0) {
    if (const std::uint32_t earlier = earlier_of(key, index, packet, side)) return earlier;
  }
  if (index == 0 && packet.is_tcp()) {
    if (const std::uint32_t waiting = half_open_.entries().find(key)) {
      if (half_open_.goes_on(waiting, packet, side, now)) return waiting | kHalfOpenHandle;
      if (half_open_.is_new_attempt(waiting, packet, side)) {
        half_open_.end(waiting, End::superseded, now);
        return open(key, {side, false, false, Rule::restart, {}, SynText::of(packet)}, now);
      }
      index = half_open_.promote(waiting);
    }
  }
  if (index == 0) {
    const std::optional<Opening> opening = opening_of(packet, side);
    if (!opening || (!opening->syn && !floods_.may_open(key, opening->client_side, side, now))) return 0;
    return open(key, *opening, now);
  }
  return packet.is_tcp() ? begin_anew_or_go_on(index, packet, side, now) : index;
}

std::uint32_t ConnectionOpener::begin_anew_or_go_on(std::uint32_t index, const PacketView& packet, Side side,
                                                    TimePoint now) noexcept {
  Record& record = store_[index];
  const FlowKey key = record.key;
  const Role sender = record.role_of(side);
  const PendingSyn* pending = pending_syn(record.tcp, pools_.troubles);
  const Rule rule = new_incarnation_rule(record.tcp, pending, sender, packet.tcp);
  if (rule == Rule::timer) return index;
  const bool is_pending = rule == Rule::syn_within_answered;
  Opening opening{is_pending ? opposite(side) : side, false, false, rule, {}, {}};
  if (!is_pending) opening.syn = SynText::of(packet);
  if (is_pending) opening.pending = *pending;
  lifecycle_.dismiss(index, End::superseded, now);
  return open(key, opening, now);
}

std::uint32_t ConnectionOpener::open(const FlowKey& key, const Opening& opening, TimePoint now) noexcept {
  const ConnectionId id = ids_ ? ids_->fetch_add(1, std::memory_order_relaxed) : next_id_;
  next_id_ += id_step_;
  const Side server_side = opposite(opening.client_side);
  if (opening.syn) half_open_.make_room_for(key, opening.client_side, now);
  make_room(now);
  const std::uint32_t ordinal = counters_.next(server_name(key, server_side));
  if (opening.syn) {
    return half_open_.open(key, opening.client_side, opening.rule, *opening.syn, id, ordinal, now) | kHalfOpenHandle;
  }
  const std::uint32_t index = store_.insert(key, id);
  Record& record = store_[index];
  record.client_side = opening.client_side;
  record.last_segment = now;
  record.flow_key = flow_key_of(key, server_side, ordinal);
  record.tcp.midstream = opening.midstream;
  record.tcp.opened_rule = opening.rule;
  if (opening.is_flipped) record.tcp.facts.flip();
  reports_.report_opened(record, ordinal, now);
  if (key.protocol != kTcp) {
    lifecycle_.begin_flow(index, now);
    return index;
  }
  if (opening.rule == Rule::syn_within_answered)
    TcpTracker::begin_with_pending(record.tcp, Role::client, opening.pending);
  ++pools_.by_client_state[static_cast<std::size_t>(TcpState::none)];
  lifecycle_.settle(index, true, now);
  return index;
}

// A server knows nothing of a connection before a segment of it was delivered: whatever it sends until then, but a SYN
// of its own, is of the connection before.
std::uint32_t ConnectionOpener::earlier_of(const FlowKey& key, std::uint32_t index, const PacketView& packet,
                                           Side side) noexcept {
  if (!packet.is_tcp() || kind_of(packet.tcp) == SegmentKind::syn) return 0;
  if (index != 0) {
    const Record& record = store_[index];
    const bool was_heard = record.client.packets_delivered > 0 || record.tcp.midstream ||
                           record.tcp.opened_rule == Rule::syn_within_answered;
    return was_heard || record.role_of(side) == Role::client ? 0 : store_.find_leaving(key);
  }
  const std::uint32_t half = half_open_.entries().find(key);
  if (half == 0) return 0;
  const HalfOpen& entry = half_open_.entries()[half];
  if (entry.delivered > 0 || entry.client_side == side) return 0;
  return store_.find_leaving(key);
}

// Whoever matters least: a handshake that nobody answered, or a flow other than TCP, whoever is idle longer; a
// handshake that was answered; what only waits for stray segments; what is being closed; the rest. In each the one idle
// longest. A handshake that has only begun comes behind those that wait, as long as its answer may be on its way: else
// a flood that is answered would take the place of every other connection before it is answered too.
void ConnectionOpener::make_room(TimePoint now) noexcept {
  if (size() < capacity_) return;
  const std::uint32_t unanswered = half_open_.entries().oldest();
  TimePoint idle_since = unanswered != 0 ? half_open_.entries()[unanswered].last_arrival() : kNever;
  bool is_half_open = unanswered != 0 && now - idle_since >= kAnswering;
  if (!is_half_open) idle_since = kNever;
  std::uint32_t victim = 0;
  for (const std::uint32_t oldest : {lifecycle_.oldest(Awaited::half_open), lifecycle_.oldest_flow()}) {
    if (oldest == 0 || store_[oldest].last_segment >= idle_since) continue;
    victim = oldest;
    idle_since = store_[oldest].last_segment;
    is_half_open = false;
  }
  for (const Awaited what : {Awaited::syn_received, Awaited::closed, Awaited::time_wait}) {
    if (victim == 0 && !is_half_open) victim = lifecycle_.oldest(what);
  }
  if (victim == 0 && unanswered != 0) return half_open_.end(unanswered, End::evicted, now);
  for (const Awaited what : {Awaited::half_closed, Awaited::established}) {
    if (victim == 0) victim = lifecycle_.oldest(what);
  }
  lifecycle_.dismiss(victim, End::evicted, now);
}

}  // namespace wobble
