// Connections of which only a SYN is known, and what becomes of them. Whatever is said of one is said by a record: one
// that is made for the moment from what is kept, by replaying the SYN, so that nothing is known twice.
//
// One thread; time is an argument. No allocation. All that it is made with must outlive it.
#pragma once

#include <cstdint>

#include "emulator/connections/connection_table.h"
#include "emulator/connections/half_open.h"

namespace wobble {

class ConnectionReports;
class FloodControl;
class PacketTracking;
class RecordLifecycle;
class RecordStore;
struct Record;
struct RecordPools;

class HalfOpenConnections {
 public:
  HalfOpenConnections(const ConnectionTableOptions& options, HashKey hash_key, RecordStore& store, RecordPools& pools,
                      FloodControl& floods, ConnectionReports& reports, PacketTracking& tracking,
                      RecordLifecycle& lifecycle);

  const HalfOpenStore& entries() const noexcept { return entries_; }
  /// Index of the entry that the handle means; 0: it is a record's, or stale.
  std::uint32_t resolve(ConnectionHandle handle) const noexcept;
  FlowPosition position_of(std::uint32_t half) const noexcept;

  /// A source that has as many as it may loses its oldest.
  void make_room_for(const FlowKey& key, Side client_side, TimePoint now) noexcept;
  /// Index of the new entry; there is room for it. `rule`: by which the SYN opens.
  std::uint32_t open(const FlowKey& key, Side client_side, Rule rule, const SynText& syn, ConnectionId id,
                     std::uint32_t ordinal, TimePoint now) noexcept;
  /// The packet is the same SYN again, and nothing is known that an entry has no place for.
  bool goes_on(std::uint32_t half, const PacketView& packet, Side side, TimePoint now) const noexcept;
  /// A SYN of the same client with another number (row restart).
  bool is_new_attempt(std::uint32_t half, const PacketView& packet, Side side) const noexcept;
  /// What PacketTracking's calls do to a record; false, and nothing done, if an entry has no place for it.
  bool send(std::uint32_t half, const PacketView& packet, const Fate& fate, TimePoint now) noexcept;
  bool deliver(std::uint32_t half, const PacketView& packet, TimePoint arrived, const Fate& fate, std::uint8_t copy,
               TimePoint now) noexcept;

  /// Makes it the record that it would be, had it been one from the start. Returns the record's index.
  std::uint32_t promote(std::uint32_t half) noexcept;
  void end(std::uint32_t half, End end, TimePoint now) noexcept;
  /// Each is a record afterwards, or gone.
  void end_all(TimePoint now) noexcept;
  ConnectionFigures figures_of(std::uint32_t half) noexcept;

  /// When the oldest is given up; kNever if there is none.
  TimePoint next_due() const noexcept;
  void expire_oldest(TimePoint now) noexcept;

 private:
  /// The record of an entry, into one that is in no store and must be released, or a fresh one. Reports nothing of what
  /// was reported.
  void restore(Record& record, const HalfOpen& entry) noexcept;

  std::uint32_t most_of_source_;
  Duration timeout_;
  RecordStore& store_;
  RecordPools& pools_;
  FloodControl& floods_;
  ConnectionReports& reports_;
  PacketTracking& tracking_;
  RecordLifecycle& lifecycle_;
  HalfOpenStore entries_;
};

}  // namespace wobble
