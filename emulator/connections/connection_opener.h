// The connection of a packet: found, or opened by it; and who goes when there is no room for another one.
//
// Invariant: there are no more connections than the capacity, beside those that are leaving.
// One thread; time is an argument. No allocation. All that it is made with must outlive it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "emulator/connections/flow_counters.h"
#include "emulator/connections/half_open_connections.h"
#include "emulator/connections/record_lifecycle.h"

namespace wobble {

class ConnectionReports;
class FloodControl;
class RecordStore;
struct RecordPools;

class ConnectionOpener {
 public:
  ConnectionOpener(const ConnectionTableOptions& options, HashKey hash_key, RecordStore& store, RecordPools& pools,
                   FloodControl& floods, ConnectionReports& reports, RecordLifecycle& lifecycle,
                   HalfOpenConnections& half_open);

  /// Index of a record, or of a half-open connection with kHalfOpenHandle; 0: none. Opens it if the packet does.
  std::uint32_t find_or_open(const PacketView& packet, Side side, TimePoint now) noexcept;
  /// Index of the record with this key, which is made of the half-open connection if there is one; 0: none.
  std::uint32_t find_record(const FlowKey& key) noexcept;
  /// The position of a packet of no connection.
  FlowPosition without_connection(const PacketView& packet) noexcept;
  /// Connections without those that are leaving.
  std::uint32_t size() const noexcept { return lifecycle_.size() + half_open_.entries().size(); }

 private:
  /// How a packet opens a record.
  struct Opening {
    Side client_side = Side::near;
    bool midstream = false;
    bool is_flipped = false;     ///< the packet came from the server, as far as can be guessed
    Rule rule = Rule::timer;     ///< of TCP
    PendingSyn pending;          ///< syn_within_answered: the client's SYN, seen before
    std::optional<SynText> syn;  ///< opened by a SYN that can be kept as half-open
  };

  std::optional<Opening> opening_of(const PacketView& packet, Side side) const noexcept;
  Side guess_client(const PacketView& packet, Side side) const noexcept;
  std::uint64_t server_name(const FlowKey& key, Side server_side) const noexcept;
  std::uint32_t open(const FlowKey& key, const Opening& opening, TimePoint now) noexcept;
  std::uint32_t begin_anew_or_go_on(std::uint32_t index, const PacketView& packet, Side side, TimePoint now) noexcept;
  /// Index of the leaving record that a packet is of, although another one has its key: `index` if that is a record, or
  /// a half-open connection. 0: it is not.
  std::uint32_t earlier_of(const FlowKey& key, std::uint32_t index, const PacketView& packet, Side side) noexcept;
  /// If the table is full, somebody goes.
  void make_room(TimePoint now) noexcept;

  std::uint32_t capacity_;
  std::shared_ptr<std::atomic<ConnectionId>> ids_;
  ConnectionId next_id_;
  std::uint32_t id_step_;
  HashKey hash_key_;
  RecordStore& store_;
  RecordPools& pools_;
  FloodControl& floods_;
  ConnectionReports& reports_;
  RecordLifecycle& lifecycle_;
  HalfOpenConnections& half_open_;
  FlowCounters counters_;
};

}  // namespace wobble
