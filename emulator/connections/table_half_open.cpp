// Connections of which only a SYN is known, and what becomes of them; and floods of them.
//
// Whatever the table says of one is said by a record: one that is made for the moment from what is kept, by replaying
// the SYN, so that nothing is known twice.
#include <algorithm>
#include <new>

#include "emulator/connections/table_state.h"

namespace wobble {
namespace {

constexpr TimePoint::duration kAMoment{1};

// What pipeline and table agree on when nothing was done to a segment but to let it wait.
bool is_plain(const Fate& fate) { return fate.copies == 1 && !fate.corrupted && !fate.reordered; }

Fate fate_of(const HalfOpen& entry, bool is_first, TimePoint arrived) {
  Fate fate;
  if (is_first) fate.dropped = fate.lost[0] = static_cast<DropReason>(entry.drop);
  fate.release_at[0] = is_first && entry.is_delayed ? arrived + kAMoment : arrived;
  return fate;
}

}  // namespace

std::uint32_t ConnectionTable::State::open_half(const FlowKey& key, const Opening& opening, ConnectionId id,
                                                TimePoint now) noexcept {
  const std::uint32_t share = std::max(capacity() / std::max(options.half_open_share, 1u), kFewestOfSource);
  if (half_open.of_source(key, opening.client_side) >= share) {
    end_half_open(half_open.oldest_of_source(key, opening.client_side), End::evicted, now);
  }
  make_room(now);
  if (watch.begun(now)) observer.on_flood({now, now, HalfOpenFlood::Phase::began, 0, 0, {}, 0, 0, 0, 0});
  const Side server_side = opposite(opening.client_side);
  const std::uint32_t half = half_open.insert(key, opening.client_side, id);
  HalfOpen& entry = half_open[half];
  entry.opened_at = now;
  entry.opened_rule = opening.rule;
  entry.syn = *opening.syn;
  entry.ordinal = counters.next(server_name(key, server_side));
  entry.is_untold = watch.is_on();
  if (!entry.is_untold) {
    observer.on(ConnectionOpened{id, now, key.protocol, opening.client_side, false, entry.ordinal,
                                 key.endpoint(opening.client_side), server_of(key, server_side)});
  }
  return half | kHalfOpenHandle;
}

std::uint32_t ConnectionTable::State::half_open_of(ConnectionHandle handle) const noexcept {
  const std::uint32_t half = handle.index & ~kHalfOpenHandle;
  if (!handle || half == handle.index || half == 0 || half > half_open.capacity()) return 0;
  return half_open[half].is_used && generation_of(half_open[half].id) == handle.generation ? half : 0;
}

FlowPosition ConnectionTable::State::position_of(std::uint32_t half) const noexcept {
  const HalfOpen& entry = half_open[half];
  return {{half | kHalfOpenHandle, generation_of(entry.id)},
          flow_key_of(entry.key, opposite(entry.client_side), entry.ordinal),
          entry.syns};
}

bool ConnectionTable::State::goes_on(std::uint32_t half, const PacketView& packet, Side side,
                                     TimePoint now) const noexcept {
  const HalfOpen& entry = half_open[half];
  return side == entry.client_side && SynText::of(packet) == entry.syn && entry.drop == 0 &&
         entry.delivered == entry.syns && entry.syns < HalfOpen::kMostSyns &&
         ShortlyAfter::reaches(entry.opened_at, now);
}

bool ConnectionTable::State::is_new_attempt(std::uint32_t half, const PacketView& packet, Side side) const noexcept {
  const HalfOpen& entry = half_open[half];
  return side == entry.client_side && kind_of(packet.tcp) == SegmentKind::syn && packet.tcp.seq != entry.syn.seq &&
         !is_late_syn(entry.opened_rule, entry.syn.seq, packet.tcp.seq);
}

bool ConnectionTable::State::take_sent(std::uint32_t half, const PacketView& packet, const Fate& fate,
                                       TimePoint now) noexcept {
  HalfOpen& entry = half_open[half];
  if (!is_plain(fate) || (fate.is_dropped() && entry.syns > 0)) return false;
  if (!entry.is_untold) {
    Record record;
    restore(record, entry);
    count_arrival(record, packet, Role::client);
    send(record, packet, entry.client_side, fate, now);
    release(record);
  }
  if (entry.syns++ == 0) {
    entry.drop = static_cast<std::uint8_t>(fate.dropped) & 0xf;
    entry.is_delayed = fate.release_at[0] > now;
  }
  entry.arrived.set(entry.opened_at, now);
  const std::uint32_t timestamp = parse_tcp_options(packet).ts_value;
  entry.is_last_newer = is_after(timestamp, entry.timestamp);
  entry.timestamp = timestamp;
  half_open.touch(half);
  return true;
}

bool ConnectionTable::State::take_delivered(std::uint32_t half, const PacketView& packet, TimePoint arrived,
                                            const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  HalfOpen& entry = half_open[half];
  const bool is_the_last = entry.delivered + 1 == entry.syns && arrived == entry.last_arrival();
  if (!is_plain(fate) || fate.is_dropped() || copy != 0 || !is_the_last) return false;
  if (!ShortlyAfter::reaches(entry.opened_at, now)) return false;
  if (!entry.is_untold) {
    Record record;
    restore(record, entry);
    deliver(record, packet, entry.client_side, arrived, fate, copy, now);
    release(record);
  }
  ++entry.delivered;
  entry.delivered_at.set(entry.opened_at, now);
  return true;
}

// Of SYNs between the first and the last neither moment is known; nothing of a record hangs on them (a round trip is
// that of the last SYN or of none, after Karn). Of one that nobody was told of, the first is told now, and the last
// delivery if it is known of which SYN.
void ConnectionTable::State::restore(Record& record, const HalfOpen& entry) noexcept {
  record.key = entry.key;
  record.client_side = entry.client_side;
  record.id = entry.id;
  record.flow_key = flow_key_of(entry.key, opposite(entry.client_side), entry.ordinal);
  record.last_segment = entry.last_arrival();
  record.tcp.opened_rule = entry.opened_rule;
  ++by_client_state[static_cast<std::size_t>(TcpState::none)];
  const SynPacket earlier(entry.syn, entry.timestamp - (entry.is_last_newer ? 1 : 0)),
      latest(entry.syn, entry.timestamp);
  for (std::uint8_t i = 0; i < entry.syns; ++i) {
    const bool is_first = i == 0, is_last = i + 1 == entry.syns;
    const PacketView& packet = (is_last ? latest : earlier).view();
    const TimePoint arrived = is_first || !is_last ? entry.opened_at + i * kAMoment : entry.last_arrival();
    const Fate fate = fate_of(entry, is_first, arrived);
    is_muted = !record.is_untold || !is_first;
    count_arrival(record, packet, Role::client);
    send(record, packet, entry.client_side, fate, arrived);
    if (i >= entry.delivered) continue;
    const bool is_last_delivered = i + 1 == entry.delivered;
    is_muted = !record.is_untold || !is_last_delivered || !(is_first || is_last);
    deliver(record, packet, entry.client_side, arrived, fate, 0,
            is_last_delivered ? entry.delivered_at.from(entry.opened_at) : arrived);
  }
  is_muted = false;
}

std::uint32_t ConnectionTable::State::promote(std::uint32_t half) noexcept {
  const HalfOpen entry = half_open[half];
  half_open.erase(half);
  const std::uint32_t index = store.insert(entry.key, entry.id);
  Record& record = store[index];
  if (entry.is_untold) {
    record.is_untold = true;
    Untold& kept = *new (&untold[index]) Untold();
    kept.opened_at = entry.opened_at;
    kept.ordinal = entry.ordinal;
  }
  restore(record, entry);
  settle(index, true, record.last_segment);
  return index;
}

TimePoint ConnectionTable::State::half_open_deadline() const noexcept {
  const std::uint32_t oldest = half_open.oldest();
  return oldest == 0 ? kNever : half_open[oldest].last_arrival() + options.timeouts.syn_sent;
}

void ConnectionTable::State::expire_half_open(TimePoint now) noexcept {
  const std::uint32_t oldest = half_open.oldest();
  if (half_open[oldest].is_untold) return end_half_open(oldest, End::syn_timeout, now);
  expire(promote(oldest), now);
}

void ConnectionTable::State::end_half_open(std::uint32_t half, End end, TimePoint now) noexcept {
  const HalfOpen& entry = half_open[half];
  if (entry.is_untold) {
    tally.count(entry.key.endpoint(entry.client_side).address, entry.key.endpoint(opposite(entry.client_side)).port,
                {false, false, end == End::evicted}, now);
    half_open.erase(half);
    return;
  }
  dismiss(promote(half), end, now);
}

ConnectionFigures ConnectionTable::State::figures_of_half_open(std::uint32_t half) noexcept {
  Record record;
  restore(record, half_open[half]);
  const ConnectionFigures figures = figures_of(record);
  release(record);
  return figures;
}

void ConnectionTable::State::count_failure(const Record& record, End end, TimePoint now) noexcept {
  const bool is_answered = record.tcp.server.has(TcpEndpoint::kSentSynAck);
  tally.count(record.key.endpoint(record.client_side).address, record.key.endpoint(opposite(record.client_side)).port,
              {end == End::refused, is_answered, end == End::evicted}, now);
}

bool ConnectionTable::State::may_open(const FlowKey& key, const Opening& opening, Side side, TimePoint now) noexcept {
  const bool was_on = one_sided_watch.is_on();
  if (was_on) {
    const OneSidedFlows::Seen seen = one_sided.see(hash_of(hash_key, key), side);
    if (seen == OneSidedFlows::Seen::followed) one_sided_watch.completed();
    if (seen != OneSidedFlows::Seen::first) return seen == OneSidedFlows::Seen::followed;
    const Endpoint server = server_of(key, opposite(opening.client_side));
    one_sided_tally.count(key.endpoint(opening.client_side).address, server.port, {}, now);
  }
  if (one_sided_watch.begun(now)) {
    observer.on_flood({now, now, HalfOpenFlood::Phase::began, 0, 0, {}, 0, 0, 0, 0, true});
  }
  return !was_on;
}

void ConnectionTable::State::note_answer(const Record& record) noexcept {
  const bool is_whole = record.key.protocol == kTcp && !record.tcp.midstream;
  if (!is_whole && !is_muted && record.client.packets_sent + record.server.packets_sent > 0)
    one_sided_watch.completed();
}

void ConnectionTable::State::advance_one_sided(TimePoint now) noexcept {
  if (one_sided_tally.next_due() <= now) tell_one_sided(now);
  if (!one_sided_watch.ends(now)) return;
  one_sided.forget_all();
  observer.on_flood({now, one_sided_watch.since(), HalfOpenFlood::Phase::ended, 0, 0, {}, 0, 0, 0, 0, true});
}

void ConnectionTable::State::tell_one_sided(TimePoint now) noexcept {
  one_sided_tally.flush(now, [&](HalfOpenFlood row) {
    row.is_one_sided = true;
    observer.on_flood(row);
  });
}

void ConnectionTable::State::advance_flood(TimePoint now) noexcept {
  advance_one_sided(now);
  if (tally.next_due() <= now) tally.flush(now, [&](const HalfOpenFlood& row) { observer.on_flood(row); });
  if (watch.ends(now)) {
    observer.on_flood({now, watch.since(), HalfOpenFlood::Phase::ended, 0, 0, {}, 0, 0, 0, 0});
  }
}

void ConnectionTable::State::end_flood(TimePoint now) noexcept {
  tell_one_sided(now);
  if (one_sided_watch.is_on()) {
    observer.on_flood({now, one_sided_watch.since(), HalfOpenFlood::Phase::ended, 0, 0, {}, 0, 0, 0, 0, true});
  }
  one_sided_watch = FloodWatch(options.flood_rate);
  one_sided.forget_all();
  tally.flush(now, [&](const HalfOpenFlood& row) { observer.on_flood(row); });
  if (watch.is_on()) observer.on_flood({now, watch.since(), HalfOpenFlood::Phase::ended, 0, 0, {}, 0, 0, 0, 0});
  watch = FloodWatch(options.flood_rate);
}

}  // namespace wobble
