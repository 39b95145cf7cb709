// What a fragment does: it is a packet of its datagram's connection, as soon as that is known; and the tracker sees the
// datagram once, when all of it has arrived, and once more when all of it was delivered. Its calls do for a fragment
// what ConnectionTable's of the same names do for a packet.
//
// One thread; time is an argument. No allocation. All that it is made with must outlive it.
#pragma once

#include <cstdint>

#include "emulator/connections/datagram_table.h"

namespace wobble {

class ConnectionOpener;
class PacketTracking;
class RecordLifecycle;
class RecordStore;
struct RecordPools;

class FragmentTracking {
 public:
  FragmentTracking(HashKey hash_key, RecordStore& store, RecordPools& pools, PacketTracking& tracking,
                   RecordLifecycle& lifecycle, ConnectionOpener& opener)
      : store_(store),
        pools_(pools),
        tracking_(tracking),
        lifecycle_(lifecycle),
        opener_(opener),
        datagrams_(hash_key) {}

  FlowPosition arrive(const PacketView& packet, Side side, TimePoint now) noexcept;
  void sent(ConnectionHandle connection, const PacketView& packet, Side side, const Fate& fate, TimePoint now) noexcept;
  void delivered(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
                 const Fate& fate, std::uint8_t copy, TimePoint now) noexcept;
  void lost(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
            DropReason reason, std::uint8_t copy, TimePoint now) noexcept;
  /// No datagram is remembered any more.
  void clear() noexcept { datagrams_.clear(); }

 private:
  /// Index of the record that its fragments belong to; 0: not known yet.
  std::uint32_t connection_of(const Datagram& datagram, TimePoint now) noexcept;
  /// They belong to it, also those that came before.
  void claim(Datagram& datagram, std::uint32_t index) noexcept;
  /// All of it has arrived. Index of its record, 0 if it opens none.
  std::uint32_t send_datagram(Datagram& datagram, TimePoint now) noexcept;
  void deliver_datagram(Datagram& datagram, std::uint8_t copy, TimePoint now) noexcept;
  /// Forgets it if nothing of it is to come.
  void end_datagram(Datagram& datagram) noexcept;

  RecordStore& store_;
  RecordPools& pools_;
  PacketTracking& tracking_;
  RecordLifecycle& lifecycle_;
  ConnectionOpener& opener_;
  DatagramTable datagrams_;
};

}  // namespace wobble
