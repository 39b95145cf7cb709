#include "emulator/connections/fragment_tracking.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "emulator/connections/connection_opener.h"
#include "emulator/connections/packet_tracking.h"
#include "emulator/connections/record_lifecycle.h"
#include "emulator/connections/record_pools.h"
#include "emulator/connections/record_store.h"

namespace wobble {
namespace {

bool is_copy_lost(const Fate& fate, std::size_t copy) { return fate.lost[copy] != DropReason::none; }

std::uint32_t copies_under_way(const Fate& fate) {
  std::uint32_t n = 0;
  for (std::size_t copy = 0; copy < fate.copies; ++copy) n += is_copy_lost(fate, copy) ? 0 : 1;
  return n;
}

}  // namespace

// Of TCP a connection that is there: whether a segment opens one is known when all of it is here, and so whether a SYN
// begins a new one.
std::uint32_t FragmentTracking::connection_of(const Datagram& datagram, TimePoint now) noexcept {
  if (!datagram.has_headers) return 0;
  const PacketView& packet = datagram.first;
  if (!packet.is_tcp()) return opener_.find_or_open(packet, datagram.arrived_on, now);
  if (packet.tcp.has(tcp_flag::kSyn)) return 0;
  return opener_.find_record(FlowKey::of(packet, datagram.arrived_on));
}

void FragmentTracking::claim(Datagram& datagram, std::uint32_t index) noexcept {
  Record& record = store_[index];
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
    for (; n > 0; --n) pools_.count(record, from, what);
  };
  add(Trouble::dropped, some.dropped);
  add(Trouble::duplicated, some.duplicated);
  add(Trouble::corrupted, some.corrupted);
  add(Trouble::reordered, some.reordered);
  datagram.unclaimed = {};
  datagram.connection = {index, generation_of(record.id)};
}

FlowPosition FragmentTracking::arrive(const PacketView& packet, Side side, TimePoint now) noexcept {
  const std::optional<Fragment> fragment = Fragment::of(packet);
  if (!fragment) return opener_.without_connection(packet);
  Datagram& datagram = datagrams_.arrive(*fragment, side, now);
  if (!datagram.is_sent) datagram.arrive(*fragment, packet);
  std::uint32_t index = store_.resolve(datagram.connection);
  if (index == 0 && !datagram.is_sent) {
    index = connection_of(datagram, now);
    if (index != 0) claim(datagram, index);
  }
  if (index == 0) {
    ++datagram.unclaimed.packets;
    datagram.unclaimed.bytes += packet.length;
    datagram.unclaimed.payload_bytes += PacketTracking::payload_size(packet);
    return opener_.without_connection(packet);
  }
  Record& record = store_[index];
  const std::uint64_t number = tracking_.arrive(record, packet, record.role_of(side));
  return {datagram.connection, record.flow_key, number};
}

void FragmentTracking::sent(ConnectionHandle connection, const PacketView& packet, Side side, const Fate& fate,
                            TimePoint now) noexcept {
  const std::optional<Fragment> fragment = Fragment::of(packet);
  Datagram* datagram = fragment ? datagrams_.find(fragment->key, side, now) : nullptr;
  std::uint32_t index = store_.resolve(connection);
  if (index != 0) {
    tracking_.count_fate(store_[index], store_[index].role_of(side), fate);
  } else if (datagram != nullptr) {
    UnclaimedFragments& some = datagram->unclaimed;
    for (std::size_t copy = 0; copy < fate.copies; ++copy) some.dropped += is_copy_lost(fate, copy) ? 1 : 0;
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
  if (index != 0 && store_[index].key.protocol != kTcp) lifecycle_.use(index, now);
  if (datagram != nullptr) end_datagram(*datagram);
}

std::uint32_t FragmentTracking::send_datagram(Datagram& datagram, TimePoint now) noexcept {
  datagram.is_sent = true;
  datagram.sent_at = now;
  const PacketView whole = datagram.whole();
  std::uint32_t index = store_.resolve(datagram.connection);
  if (index == 0) {
    index = opener_.find_or_open(whole, datagram.arrived_on, now);
    if (index == 0) return 0;
    claim(datagram, index);
  }
  if (whole.is_tcp()) {
    const Role from = store_[index].role_of(datagram.arrived_on);
    tracking_.track_sent(store_[index], whole, from, datagram.fate, now) ? lifecycle_.settle(index, true, now)
                                                                         : lifecycle_.use(index, now);
  }
  return index;
}

void FragmentTracking::delivered(ConnectionHandle connection, const PacketView& packet, Side arrived_on,
                                 TimePoint arrived, const Fate& fate, std::uint8_t copy, TimePoint now) noexcept {
  const std::optional<Fragment> fragment = Fragment::of(packet);
  Datagram* datagram = fragment ? datagrams_.find(fragment->key, arrived_on, arrived) : nullptr;
  std::uint32_t index = store_.resolve(connection);
  if (index == 0 && datagram != nullptr) index = store_.resolve(datagram->connection);
  if (index != 0) {
    tracking_.count_delivery(store_[index], packet, store_[index].role_of(arrived_on), arrived, copy);
  } else if (datagram != nullptr) {
    ++datagram->unclaimed.packets_delivered;
    datagram->unclaimed.bytes_delivered += packet.length;
  }
  if (datagram != nullptr) {
    datagram->in_flight -= std::min(datagram->in_flight, 1u);
    if (datagram->land(*fragment, fate, copy)) deliver_datagram(*datagram, copy, now);
    end_datagram(*datagram);
  }
  if (index != 0) lifecycle_.note_landed(index, now);
}

void FragmentTracking::deliver_datagram(Datagram& datagram, std::uint8_t copy, TimePoint now) noexcept {
  const Fate fate = std::exchange(datagram.landing, Fate());
  const std::uint32_t index = store_.resolve(datagram.connection);
  if (!datagram.is_sent || index == 0 || store_[index].key.protocol != kTcp) return;
  const Role from = store_[index].role_of(datagram.arrived_on);
  if (tracking_.track_delivered(store_[index], datagram.whole(), from, datagram.sent_at, fate, copy, now)) {
    lifecycle_.settle(index, false, now);
  }
}

void FragmentTracking::lost(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
                            DropReason reason, std::uint8_t copy, TimePoint now) noexcept {
  const std::optional<Fragment> fragment = Fragment::of(packet);
  Datagram* datagram = fragment ? datagrams_.find(fragment->key, arrived_on, arrived) : nullptr;
  std::uint32_t index = store_.resolve(connection);
  if (index == 0 && datagram != nullptr) index = store_.resolve(datagram->connection);
  if (index != 0) {
    pools_.count(store_[index], store_[index].role_of(arrived_on), Trouble::dropped);
  } else if (datagram != nullptr) {
    ++datagram->unclaimed.dropped;
  }
  if (datagram != nullptr) {
    datagram->in_flight -= std::min(datagram->in_flight, 1u);
    const bool is_another_there = datagram->is_delivered || datagram->delivered.has(*fragment);
    if (copy == 0 && !is_another_there && !datagram->fate.is_dropped()) {
      datagram->fate.dropped = datagram->fate.lost[0] = reason;
      if (datagram->is_sent && index != 0 && store_[index].key.protocol == kTcp) {
        tracking_.track_lost(store_[index], datagram->whole().tcp, store_[index].role_of(arrived_on), datagram->sent_at,
                             reason, 0);
      }
    }
    end_datagram(*datagram);
  }
  if (index != 0) lifecycle_.note_landed(index, now);
}

void FragmentTracking::end_datagram(Datagram& datagram) noexcept {
  if (datagram.is_sent && datagram.in_flight == 0) datagrams_.erase(datagram);
}

}  // namespace wobble
