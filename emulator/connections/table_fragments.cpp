// What a fragment does: it is a packet of its datagram's connection, as soon as that is known; and the tracker sees the
// datagram once, when all of it has arrived, and once more when all of it was delivered.
#include <algorithm>
#include <utility>

#include "emulator/connections/table_state.h"

namespace wobble {
namespace {

bool is_lost(const Fate& fate, std::size_t copy) { return fate.lost[copy] != DropReason::none; }

std::uint32_t copies_under_way(const Fate& fate) {
  std::uint32_t n = 0;
  for (std::size_t copy = 0; copy < fate.copies; ++copy) n += is_lost(fate, copy) ? 0 : 1;
  return n;
}

}  // namespace

// Of TCP a connection that is there: whether a segment opens one is known when all of it is here, and so whether a SYN
// begins a new one.
std::uint32_t ConnectionTable::State::connection_of(const Datagram& datagram, TimePoint now) noexcept {
  if (!datagram.has_headers) return 0;
  const PacketView& packet = datagram.first;
  if (!packet.is_tcp()) return find_or_open(packet, datagram.arrived_on, now);
  if (packet.tcp.has(tcp_flag::kSyn)) return 0;
  const FlowKey key = FlowKey::of(packet, datagram.arrived_on);
  const std::uint32_t half = half_open.find(key);
  return half != 0 ? promote(half) : store.find(key);
}

void ConnectionTable::State::claim(Datagram& datagram, std::uint32_t index) noexcept {
  Record& record = store[index];
  const Role from = record.role_of(datagram.arrived_on);
  const UnclaimedFragments& some = datagram.unclaimed;
  PacketCounters& counted = record.counters_of(from);
  counted.packets_sent += some.packets;
  counted.bytes_sent += some.bytes;
  counted.payload_bytes += some.payload_bytes;
  counted.payload_bytes -= some.header_bytes;
  counted.packets_delivered += some.packets_delivered;
  counted.bytes_delivered += some.bytes_delivered;
  const auto add = [&](Trouble what, std::uint32_t n) {
    for (; n > 0; --n) count(record, from, what);
  };
  add(Trouble::dropped, some.dropped);
  add(Trouble::duplicated, some.duplicated);
  add(Trouble::corrupted, some.corrupted);
  add(Trouble::reordered, some.reordered);
  datagram.unclaimed = {};
  datagram.connection = {index, generation_of(record.id)};
}

FlowPosition ConnectionTable::State::arrive_fragment(const PacketView& packet, Side side, TimePoint now) noexcept {
  const std::optional<Fragment> fragment = Fragment::of(packet);
  if (!fragment) return without_connection(packet);
  Datagram& datagram = datagrams.arrive(*fragment, side, now);
  if (!datagram.is_sent) datagram.arrive(*fragment, packet);
  std::uint32_t index = resolve(datagram.connection);
  if (index == 0 && !datagram.is_sent) {
    index = connection_of(datagram, now);
    if (index != 0) claim(datagram, index);
  }
  if (index == 0) {
    ++datagram.unclaimed.packets;
    datagram.unclaimed.bytes += packet.length;
    datagram.unclaimed.payload_bytes += payload_size(packet);
    return without_connection(packet);
  }
  Record& record = store[index];
  const std::uint64_t number = count_arrival(record, packet, record.role_of(side));
  return {datagram.connection, record.flow_key, number};
}

void ConnectionTable::State::send_fragment(ConnectionHandle connection, const PacketView& packet, Side side,
                                           const Fate& fate, TimePoint now) noexcept {
  const std::optional<Fragment> fragment = Fragment::of(packet);
  Datagram* datagram = fragment ? datagrams.find(fragment->key, side, now) : nullptr;
  std::uint32_t index = resolve(connection);
  if (index != 0) {
    count_fate(store[index], store[index].role_of(side), fate);
  } else if (datagram != nullptr) {
    UnclaimedFragments& some = datagram->unclaimed;
    for (std::size_t copy = 0; copy < fate.copies; ++copy) some.dropped += is_lost(fate, copy) ? 1 : 0;
    some.duplicated += fate.copies > 1 ? 1 : 0;
    some.corrupted += fate.corrupted ? 1 : 0;
    some.reordered += fate.reordered && !fate.is_dropped() ? 1 : 0;
  }
  if (datagram != nullptr) {
    datagram->in_flight += copies_under_way(fate);
    if (!datagram->is_sent) {
      datagram->meet(fate);
      if (datagram->is_whole()) index = send_datagram(*datagram, now);
    }
  }
  if (index != 0 && store[index].key.protocol != kTcp) use(index, now);
  if (datagram != nullptr) end_datagram(*datagram);
}

std::uint32_t ConnectionTable::State::send_datagram(Datagram& datagram, TimePoint now) noexcept {
  datagram.is_sent = true;
  datagram.sent_at = now;
  const PacketView whole = datagram.whole();
  std::uint32_t index = resolve(datagram.connection);
  if (index == 0) {
    index = find_or_open(whole, datagram.arrived_on, now);
    if (index == 0) return 0;
    claim(datagram, index);
  }
  if (whole.is_tcp()) {
    const Role from = store[index].role_of(datagram.arrived_on);
    track_sent(store[index], whole, from, datagram.fate, now) ? settle(index, true, now) : use(index, now);
  }
  return index;
}

void ConnectionTable::State::deliver_fragment(ConnectionHandle connection, const PacketView& packet, Side arrived_on,
                                              TimePoint arrived, const Fate& fate, std::uint8_t copy,
                                              TimePoint now) noexcept {
  const std::optional<Fragment> fragment = Fragment::of(packet);
  Datagram* datagram = fragment ? datagrams.find(fragment->key, arrived_on, arrived) : nullptr;
  std::uint32_t index = resolve(connection);
  if (index == 0 && datagram != nullptr) index = resolve(datagram->connection);
  if (index != 0) {
    count_delivery(store[index], packet, store[index].role_of(arrived_on), arrived, copy);
  } else if (datagram != nullptr) {
    ++datagram->unclaimed.packets_delivered;
    datagram->unclaimed.bytes_delivered += packet.length;
  }
  if (datagram != nullptr) {
    datagram->in_flight -= std::min(datagram->in_flight, 1u);
    if (datagram->land(*fragment, fate, copy)) deliver_datagram(*datagram, copy, now);
    end_datagram(*datagram);
  }
  if (index != 0) note_landed(index, now);
}

void ConnectionTable::State::deliver_datagram(Datagram& datagram, std::uint8_t copy, TimePoint now) noexcept {
  const Fate fate = std::exchange(datagram.landing, Fate());
  const std::uint32_t index = resolve(datagram.connection);
  if (!datagram.is_sent || index == 0 || store[index].key.protocol != kTcp) return;
  const Role from = store[index].role_of(datagram.arrived_on);
  if (track_delivered(store[index], datagram.whole(), from, datagram.sent_at, fate, copy, now)) {
    settle(index, false, now);
  }
}

void ConnectionTable::State::lose_fragment(ConnectionHandle connection, const PacketView& packet, Side arrived_on,
                                           TimePoint arrived, DropReason reason, std::uint8_t copy,
                                           TimePoint now) noexcept {
  const std::optional<Fragment> fragment = Fragment::of(packet);
  Datagram* datagram = fragment ? datagrams.find(fragment->key, arrived_on, arrived) : nullptr;
  std::uint32_t index = resolve(connection);
  if (index == 0 && datagram != nullptr) index = resolve(datagram->connection);
  if (index != 0) {
    count(store[index], store[index].role_of(arrived_on), Trouble::dropped);
  } else if (datagram != nullptr) {
    ++datagram->unclaimed.dropped;
  }
  if (datagram != nullptr) {
    datagram->in_flight -= std::min(datagram->in_flight, 1u);
    const bool is_another_there = datagram->is_delivered || datagram->delivered.has(*fragment);
    if (copy == 0 && !is_another_there && !datagram->fate.is_dropped()) {
      datagram->fate.dropped = datagram->fate.lost[0] = reason;
      if (datagram->is_sent && index != 0 && store[index].key.protocol == kTcp) {
        lose_segment(store[index], datagram->whole().tcp, store[index].role_of(arrived_on), datagram->sent_at, reason,
                     0);
      }
    }
    end_datagram(*datagram);
  }
  if (index != 0) note_landed(index, now);
}

void ConnectionTable::State::end_datagram(Datagram& datagram) noexcept {
  if (datagram.is_sent && datagram.in_flight == 0) datagrams.erase(datagram);
}

}  // namespace wobble
