// The records of a table and the two ways to find one: by 5-tuple and by id. Bounded, with a keyed hash, so that nobody
// who does not know the key can make chains long.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "emulator/connection_table.h"
#include "emulator/connections/close_list.h"
#include "emulator/connections/flow_key.h"
#include "emulator/connections/lazy_array.h"
#include "emulator/connections/packed.h"
#include "emulator/connections/tcp_connection.h"

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
  FlowKey key;
  Side client_side : 1 = Side::near;
  bool is_used : 1 = false;
  bool is_told : 1 = false;    ///< its ConnectionClosed was sent
  bool is_untold : 1 = false;  ///< a flood is on, and its handshake is not complete
  SegmentBudget budget;
  std::uint32_t key_chain = 0;
  std::uint32_t id_chain = 0;
  CloseList closes;
  PacketCounters client;
  PacketCounters server;
  ConnectionId id = 0;
  std::uint64_t flow_key = 0;
  TimePoint last_segment{};
  std::array<TimePoint, 2> landed{};  ///< the latest arrival among what was delivered of each role's
  TcpConnection tcp;

  PacketCounters& counters_of(Role role) noexcept { return role == Role::client ? client : server; }
  Role role_of(Side side) const noexcept { return side == client_side ? Role::client : Role::server; }
};
static_assert(std::is_trivially_destructible_v<Record>);
static_assert(sizeof(Record) == 384);

class RecordStore {
 public:
  RecordStore(std::uint32_t capacity, HashKey hash_key);

  /// Index of a record, 0 if there is none.
  std::uint32_t find(const FlowKey& key) const noexcept;
  std::uint32_t find_id(ConnectionId id) const noexcept;
  /// A fresh record with `key` and `id`; 0 if the store is full.
  std::uint32_t insert(const FlowKey& key, ConnectionId id) noexcept;
  void erase(std::uint32_t index) noexcept;

  Record& operator[](std::uint32_t index) noexcept { return records_[index]; }
  const Record& operator[](std::uint32_t index) const noexcept { return records_[index]; }
  /// Of a record that is in the store.
  std::uint32_t index_of(const Record& record) const noexcept {
    return static_cast<std::uint32_t>(&record - &records_[0]);
  }
  std::uint32_t size() const noexcept { return size_; }
  std::uint32_t capacity() const noexcept { return static_cast<std::uint32_t>(records_.size() - 1); }
  /// Every index in use is between 1 and this.
  std::uint32_t highest() const noexcept { return fresh_; }

 private:
  std::size_t key_bucket(const FlowKey& key) const noexcept { return hash_of(hash_key_, key) & mask_; }
  std::size_t id_bucket(ConnectionId id) const noexcept { return (id * 0x9e3779b97f4a7c15ULL >> 32) & mask_; }

  HashKey hash_key_;
  std::size_t mask_;
  LazyArray<Record> records_;
  LazyArray<std::uint32_t> by_key_;
  LazyArray<std::uint32_t> by_id_;
  mutable std::array<std::uint32_t, 256> recent_{};  ///< found lately, by ports: most packets come in trains
  std::uint32_t free_ = 0;
  std::uint32_t fresh_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace wobble
