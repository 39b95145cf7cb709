// What becomes of a record when another one takes its key or its place while packets of it are in flight.
#include "emulator/connections/table_state.h"

namespace wobble {

std::uint64_t ConnectionTable::State::in_flight(const Record& record) const noexcept {
  std::uint64_t begun = 0, ended = 0;
  for (const Role role : {Role::client, Role::server}) {
    const PacketCounters& of_role = role == Role::client ? record.client : record.server;
    const TroublesIndex index = record.tcp.of(role).troubles;
    begun += std::uint64_t{of_role.packets_sent} + troubles.count_of(index, Trouble::duplicated);
    ended += std::uint64_t{of_role.packets_delivered} + troubles.count_of(index, Trouble::dropped);
  }
  return begun - std::min(begun, ended);
}

void ConnectionTable::State::dismiss(std::uint32_t index, End end, TimePoint now) noexcept {
  Record& record = store[index];
  if (record.is_untold || in_flight(record) == 0) {
    tell_end(record, end, now);
    return forget(index, now);
  }
  if (idle.count(kLeaving) >= RecordStore::most_leaving(capacity())) end_leaving(idle.oldest(kLeaving), now);
  if (record.key.protocol == kTcp) count_state(record, record.tcp.client.state, -1u);
  store.leave(index);
  record.is_evicted = end == End::evicted;
  idle.touch(index, kLeaving);
  wheel.set(index, deadline_of(index), now);
}

End ConnectionTable::State::end_of_leaving(const Record& record) noexcept {
  return record.is_evicted ? End::evicted : End::superseded;
}

void ConnectionTable::State::end_leaving(std::uint32_t index, TimePoint now) noexcept {
  tell_end(store[index], end_of_leaving(store[index]), now);
  forget(index, now);
}

// A server knows nothing of a connection before a segment of it was delivered: whatever it sends until then, but a SYN
// of its own, is of the connection before.
std::uint32_t ConnectionTable::State::earlier_of(const FlowKey& key, std::uint32_t index, const PacketView& packet,
                                                 Side side) noexcept {
  if (!packet.is_tcp() || kind_of(packet.tcp) == SegmentKind::syn) return 0;
  if (index != 0) {
    const Record& record = store[index];
    const bool was_heard = record.client.packets_delivered > 0 || record.tcp.midstream ||
                           record.tcp.opened_rule == Rule::syn_within_answered;
    return was_heard || record.role_of(side) == Role::client ? 0 : store.find_leaving(key);
  }
  const std::uint32_t half = half_open.find(key);
  if (half == 0 || half_open[half].delivered > 0 || half_open[half].client_side == side) return 0;
  return store.find_leaving(key);
}

}  // namespace wobble
