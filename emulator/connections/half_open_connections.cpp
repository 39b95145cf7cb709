#include "emulator/connections/half_open_connections.h"

#include <algorithm>

#include "emulator/connections/connection_reports.h"
#include "emulator/connections/flood_control.h"
#include "emulator/connections/packet_tracking.h"
#include "emulator/connections/record_lifecycle.h"
#include "emulator/connections/record_pools.h"
#include "emulator/connections/record_store.h"
#include "emulator/connections/tcp/transition_table.h"

namespace wobble {
namespace {

constexpr TimePoint::duration kAMoment{1};

// The table never is so small that a source could not have so many half-open connections.
constexpr std::uint32_t kFewestOfSource = 16;

// What pipeline and table agree on when nothing was done to a segment but to let it wait.
bool is_only_delayed(const Fate& fate) { return fate.copies == 1 && !fate.corrupted && !fate.reordered; }

Fate fate_of(const HalfOpen& entry, bool is_first, TimePoint arrived) {
  Fate fate;
  if (is_first) fate.dropped = fate.lost[0] = static_cast<DropReason>(entry.drop);
  fate.release_at[0] = is_first && entry.is_delayed ? arrived + kAMoment : arrived;
  return fate;
}

}  // namespace

HalfOpenConnections::HalfOpenConnections(const ConnectionTableOptions& options, HashKey hash_key, RecordStore& store,
                                         RecordPools& pools, FloodControl& floods, ConnectionReports& reports,
                                         PacketTracking& tracking, RecordLifecycle& lifecycle)
    : most_of_source_(
          std::max(std::max(options.capacity, 1u) / std::max(options.half_open_share, 1u), kFewestOfSource)),
      timeout_(options.timeouts.syn_sent),
      store_(store),
      pools_(pools),
      floods_(floods),
      reports_(reports),
      tracking_(tracking),
      lifecycle_(lifecycle),
      entries_(options.capacity, hash_key) {}

void HalfOpenConnections::make_room_for(const FlowKey& key, Side client_side, TimePoint now) noexcept {
  if (entries_.of_source(key, client_side) < most_of_source_) return;
  end(entries_.oldest_of_source(key, client_side), End::evicted, now);
}

std::uint32_t HalfOpenConnections::open(const FlowKey& key, Side client_side, Rule rule, const SynText& syn,
                                        ConnectionId id, std::uint32_t ordinal, TimePoint now) noexcept {
  floods_.handshake_begun(now);
  const std::uint32_t half = entries_.insert(key, client_side, id);
  HalfOpen& entry = entries_[half];
  entry.opened_at = now;
  entry.opened_rule = rule;
  entry.syn = syn;
  entry.ordinal = ordinal;
  entry.is_withheld = floods_.is_on();
  if (!entry.is_withheld) reports_.report_opened(entry);
  return half;
}

std::uint32_t HalfOpenConnections::resolve(ConnectionHandle handle) const noexcept {
  const std::uint32_t half = handle.index & ~kHalfOpenHandle;
  if (!handle || half == handle.index || half == 0 || half > entries_.capacity()) return 0;
  return entries_[half].is_used && generation_of(entries_[half].id) == handle.generation ? half : 0;
}

FlowPosition HalfOpenConnections::position_of(std::uint32_t half) const noexcept {
  const HalfOpen& entry = entries_[half];
  return {{half | kHalfOpenHandle, generation_of(entry.id)},
          flow_key_of(entry.key, opposite(entry.client_side), entry.ordinal),
          entry.syns};
}

bool HalfOpenConnections::goes_on(std::uint32_t half, const PacketView& packet, Side side,
                                  TimePoint now) const noexcept {
  const HalfOpen& entry = entries_[half];
  return side == entry.client_side && SynText::of(packet) == entry.syn && entry.drop == 0 &&
         entry.delivered == entry.syns && entry.syns < HalfOpen::kMostSyns &&
         ShortlyAfter::reaches(entry.opened_at, now);
}

bool HalfOpenConnections::is_new_attempt(std::uint32_t half, const PacketView& packet, Side side) const noexcept {
  const HalfOpen& entry = entries_[half];
  return side == entry.client_side && kind_of(packet.tcp) == SegmentKind::syn && packet.tcp.seq != entry.syn.seq &&
         !is_late_syn(entry.opened_rule, entry.syn.seq, packet.tcp.seq);
}

bool HalfOpenConnections::send(std::uint32_t half, const PacketView& packet, const Fate& fate, TimePoint now) noexcept {
  HalfOpen& entry = entries_[half];
  if (!is_only_delayed(fate) || (fate.is_dropped() && entry.syns > 0)) return false;
  if (!entry.is_withheld) {
    Record record;
    restore(record, entry);
    tracking_.arrive(record, packet, Role::client);
    tracking_.send(record, packet, entry.client_side, fate, now);
    pools_.release(record);
  }
  if (entry.syns++ == 0) {
    entry.drop = static_cast<std::uint8_t>(fate.dropped) & 0xf;
    entry.is_delayed = fate.release_at[0] > now;
  }
  entry.arrived.set(entry.opened_at, now);
  const std::uint32_t timestamp = parse_tcp_options(packet).ts_value;
  entry.is_last_newer = is_after(timestamp, entry.timestamp);
  entry.timestamp = timestamp;
  entries_.touch(half);
  return true;
}

bool HalfOpenConnections::deliver(std::uint32_t half, const PacketView& packet, TimePoint arrived, const Fate& fate,
                                  std::uint8_t copy, TimePoint now) noexcept {
  HalfOpen& entry = entries_[half];
  const bool is_the_last = entry.delivered + 1 == entry.syns && arrived == entry.last_arrival();
  if (!is_only_delayed(fate) || fate.is_dropped() || copy != 0 || !is_the_last) return false;
  if (!ShortlyAfter::reaches(entry.opened_at, now)) return false;
  if (!entry.is_withheld) {
    Record record;
    restore(record, entry);
    tracking_.deliver(record, packet, entry.client_side, arrived, fate, copy, now);
    pools_.release(record);
  }
  ++entry.delivered;
  entry.delivered_at.set(entry.opened_at, now);
  return true;
}

// Of SYNs between the first and the last neither moment is known; nothing of a record hangs on them (a round trip is
// that of the last SYN or of none, after Karn). Of one that nobody was told of, the first is told now, and the last
// delivery if it is known of which SYN.
void HalfOpenConnections::restore(Record& record, const HalfOpen& entry) noexcept {
  record.key = entry.key;
  record.client_side = entry.client_side;
  record.id = entry.id;
  record.flow_key = flow_key_of(entry.key, opposite(entry.client_side), entry.ordinal);
  record.last_segment = entry.last_arrival();
  record.tcp.opened_rule = entry.opened_rule;
  ++pools_.by_client_state[static_cast<std::size_t>(TcpState::none)];
  const SynPacket earlier(entry.syn, entry.timestamp - (entry.is_last_newer ? 1 : 0)),
      latest(entry.syn, entry.timestamp);
  for (std::uint8_t i = 0; i < entry.syns; ++i) {
    const bool is_first = i == 0, is_last = i + 1 == entry.syns;
    const PacketView& packet = (is_last ? latest : earlier).view();
    const TimePoint arrived = is_first || !is_last ? entry.opened_at + i * kAMoment : entry.last_arrival();
    const Fate fate = fate_of(entry, is_first, arrived);
    reports_.mute(!record.is_withheld || !is_first);
    tracking_.arrive(record, packet, Role::client);
    tracking_.send(record, packet, entry.client_side, fate, arrived);
    if (i >= entry.delivered) continue;
    const bool is_last_delivered = i + 1 == entry.delivered;
    reports_.mute(!record.is_withheld || !is_last_delivered || !(is_first || is_last));
    tracking_.deliver(record, packet, entry.client_side, arrived, fate, 0,
                      is_last_delivered ? entry.delivered_at.from(entry.opened_at) : arrived);
  }
  reports_.mute(false);
}

std::uint32_t HalfOpenConnections::promote(std::uint32_t half) noexcept {
  const HalfOpen entry = entries_[half];
  entries_.erase(half);
  const std::uint32_t index = store_.insert(entry.key, entry.id);
  Record& record = store_[index];
  if (entry.is_withheld) reports_.withhold(record, entry.ordinal, entry.opened_at);
  restore(record, entry);
  lifecycle_.settle(index, true, record.last_segment);
  return index;
}

TimePoint HalfOpenConnections::next_due() const noexcept {
  const std::uint32_t oldest = entries_.oldest();
  return oldest == 0 ? kNever : entries_[oldest].last_arrival() + timeout_;
}

void HalfOpenConnections::expire_oldest(TimePoint now) noexcept {
  const std::uint32_t oldest = entries_.oldest();
  if (entries_[oldest].is_withheld) return end(oldest, End::syn_timeout, now);
  lifecycle_.expire(promote(oldest), now);
}

void HalfOpenConnections::end(std::uint32_t half, End end, TimePoint now) noexcept {
  const HalfOpen& entry = entries_[half];
  if (entry.is_withheld) {
    floods_.count_failure(entry.key, entry.client_side, {false, false, end == End::evicted}, now);
    entries_.erase(half);
    return;
  }
  lifecycle_.dismiss(promote(half), end, now);
}

void HalfOpenConnections::end_all(TimePoint now) noexcept {
  while (const std::uint32_t oldest = entries_.oldest()) {
    entries_[oldest].is_withheld ? end(oldest, End::open, now) : static_cast<void>(promote(oldest));
  }
}

ConnectionFigures HalfOpenConnections::figures_of(std::uint32_t half) noexcept {
  Record record;
  restore(record, entries_[half]);
  const ConnectionFigures figures = pools_.figures_of(record);
  pools_.release(record);
  return figures;
}

}  // namespace wobble
