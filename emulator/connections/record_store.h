// The records of a table, and what is counted in them of any protocol.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/close_list.h"
#include "emulator/connections/connection_table.h"
#include "emulator/connections/keyed_store.h"
#include "emulator/connections/tcp/tcp_connection.h"
#include "emulator/packed.h"

namespace wobble {

/// How many segments of a connection have been told, each kind with its bound.
struct SegmentBudget {
  std::uint32_t others : 5 = 0;
  std::uint32_t notable : 10 = 0;
  std::uint32_t followed : 15 = 0;
  std::uint32_t follow : 1 = false;
};

/// Of one endpoint's packets, TCP or not; the names are EndpointFigures'. What only some need is in a TroublePool.
struct PacketCounters {
  Count48 packets_sent;
  Count48 bytes_sent;
  Count48 packets_delivered;
  Count48 bytes_delivered;
  Count48 payload_bytes;

  void fill(EndpointFigures& figures) const noexcept;
};

/// One flow. All zeroes is a record never used. In the order that leaves the fewest gaps.
struct Record {
  std::uint64_t flow_key = 0;
  TimePoint last_segment{};
  std::array<TimePoint, 2> landed{};  ///< the latest arrival among what was delivered of each role's
  FlowKey key;
  Side client_side : 1 = Side::near;
  bool is_used : 1 = false;
  bool is_end_reported : 1 = false;  ///< its ConnectionClosed
  bool is_late : 1 = false;          ///< and something was counted since
  bool is_withheld : 1 = false;      ///< a flood is on, and its handshake is not complete: see ConnectionReports
  // RecordLifecycle::dismiss():
  bool is_leaving : 1 = false;
  bool is_evicted : 1 = false;  ///< then: it had to make room
  SegmentBudget budget;
  std::uint32_t key_chain = 0;
  std::uint32_t id_chain = 0;
  [[no_unique_address]] CloseList closes;
  PacketCounters client;
  PacketCounters server;
  Count48 id;  ///< a ConnectionId
  TcpConnection tcp;

  PacketCounters& counters_of(Role role) noexcept { return role == Role::client ? client : server; }
  Role role_of(Side side) const noexcept { return side == client_side ? Role::client : Role::server; }
};
static_assert(sizeof(Record) == 368);

class RecordStore : public KeyedStore<Record> {
 public:
  /// So many of the records may be leaving, beyond `capacity` that are not.
  static constexpr std::uint32_t most_leaving(std::uint32_t capacity) noexcept { return capacity / 16 + 16; }

  RecordStore(std::uint32_t capacity, HashKey hash_key);

  /// Index of a record, 0 if there is none.
  std::uint32_t find(const FlowKey& key) const noexcept;
  /// Index of the record that the handle means; 0: it is stale, or a half-open connection's.
  std::uint32_t resolve(ConnectionHandle handle) const noexcept {
    if (!handle || handle.index == 0 || handle.index > capacity()) return 0;
    const Record& record = (*this)[handle.index];
    return record.is_used && generation_of(record.id) == handle.generation ? handle.index : 0;
  }
  /// Also if it was half-open when the handle was given out.
  std::uint32_t resolve_any(ConnectionHandle handle) const noexcept {
    return handle.is_half_open() ? find_generation(handle.generation) : resolve(handle);
  }
  /// The record leaves: it gives up its key, for another one.
  void leave(std::uint32_t index) noexcept;
  /// The last record that left with this key, 0 if there is none.
  std::uint32_t find_leaving(const FlowKey& key) const noexcept;
  void erase(std::uint32_t index) noexcept;

 private:
  std::size_t leaving_bucket(const FlowKey& key) const noexcept { return hash_of(hash_key_, key) % leaving_.size(); }

  HashKey hash_key_;
  LazyArray<std::uint32_t> leaving_;                 ///< by key
  mutable std::array<std::uint32_t, 256> recent_{};  ///< found lately, by ports: most packets come in trains
};

}  // namespace wobble
