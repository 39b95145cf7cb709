// How long a record stays: its place among the idle ones of its class, its timer, and its end. A record that another
// one follows, or that has to make room, while packets of it are in flight *leaves*: it gives up its key and its place,
// but those packets still are told, and tell how the connection has ended.
//
// Invariant: each record that was begun or settled, and not forgotten since, is on the wheel and in one idle list.
// One thread; time is an argument. No allocation. All that it is made with must outlive it.
#pragma once

#include <cstdint>

#include "emulator/connections/connection_reports.h"
#include "emulator/connections/idle_lists.h"
#include "emulator/connections/record_pools.h"
#include "emulator/connections/record_store.h"
#include "emulator/connections/tcp/tcp_waiting.h"
#include "emulator/connections/timer_wheel.h"

namespace wobble {

/// What one connection costs that nothing happens to (see DataTroubles), beyond 12 bytes for each FIN and RST: the
/// record, its timer, its place among the idle ones, and two buckets.
inline constexpr std::size_t kBytesPerRecord =
    sizeof(Record) + TimerWheel::kBytesPerRecord + IdleLists::kBytesPerRecord + 2 * sizeof(std::uint32_t);
inline constexpr std::size_t kMostBytes = 512;
static_assert(kBytesPerRecord + 2 * sizeof(DataTroubles) + sizeof(DataRarities) <= kMostBytes);
static_assert(kBytesPerRecord + 2 * sizeof(DataTroubles) + 2 * ClosePool::kBytesPerClose <= kMostBytes);
static_assert(kBytesPerRecord + sizeof(DataTroubles) + sizeof(DataRarities) + sizeof(DataOddities) <= kMostBytes);

class RecordLifecycle {
 public:
  /// `capacity`: of the table, without those that are leaving.
  RecordLifecycle(RecordStore& store, RecordPools& pools, ConnectionReports& reports,
                  const ConnectionTimeouts& timeouts, std::uint32_t capacity)
      : store_(store),
        pools_(pools),
        reports_(reports),
        timeouts_(timeouts),
        capacity_(capacity),
        idle_(store.capacity()),
        wheel_(store.capacity()) {}

  /// A record of a flow other than TCP was opened.
  void begin_flow(std::uint32_t index, TimePoint now) noexcept;
  /// Nothing happened but that a packet came: whatever the record waits for, its deadline moves later.
  void use(std::uint32_t index, TimePoint now) noexcept {
    store_[index].last_segment = now;
    idle_.touch(index);
  }
  /// After anything that happened to a TCP record: its class, its deadline, and its end if it is over. `is_use`: it
  /// counts as use of the record.
  void settle(std::uint32_t index, bool is_use, TimePoint now) noexcept;
  /// Its deadline has come.
  void expire(std::uint32_t index, TimePoint now) noexcept;
  /// The record gives up its key and its place. It ends with `end` when nothing of it is in flight any more, at once if
  /// nothing is, unless what lands until then ends it otherwise.
  void dismiss(std::uint32_t index, End end, TimePoint now) noexcept;
  /// After a packet of the record has landed or was lost.
  void note_landed(std::uint32_t index, TimePoint now) noexcept {
    if (store_[index].is_leaving && pools_.in_flight(store_[index]) == 0) end_leaving(index, now);
  }
  /// Each record ends, as the connections of a daemon that stops do.
  void end_all(TimePoint now) noexcept;

  /// Records without those that are leaving, and how many are.
  std::uint32_t size() const noexcept { return store_.size() - leaving(); }
  std::uint32_t leaving() const noexcept { return idle_.count(kLeaving); }
  /// The one idle longest of those that wait for this, of closing and half-closed ones in one; and of flows other than
  /// TCP. 0: there is none.
  std::uint32_t oldest(Awaited what) const noexcept { return idle_.oldest(class_of(what)); }
  std::uint32_t oldest_flow() const noexcept { return idle_.oldest(kFlows); }

  /// When advance() has something to do; kNever if nothing waits.
  TimePoint next_due() const noexcept { return wheel_.next_due(); }
  /// Each timer looked at takes one from `budget`.
  void advance(TimePoint now, std::uint32_t& budget) noexcept;

 private:
  // The classes beside the tracker's seven: flows other than TCP, and what is leaving.
  static constexpr std::uint8_t kFlows = 7, kLeaving = 8;
  static_assert(static_cast<std::size_t>(Awaited::closed) + 1 == kFlows && kLeaving < IdleLists::kClasses);
  // Those in which a FIN has passed wait their turn in one list.
  static constexpr std::uint8_t class_of(Awaited what) noexcept {
    return static_cast<std::uint8_t>(what == Awaited::closing ? Awaited::half_closed : what);
  }

  TimePoint deadline_of(std::uint32_t index) const noexcept;
  void end_leaving(std::uint32_t index, TimePoint now) noexcept;
  static End end_of_leaving(const Record& record) noexcept;
  void forget(std::uint32_t index, TimePoint now) noexcept;

  RecordStore& store_;
  RecordPools& pools_;
  ConnectionReports& reports_;
  ConnectionTimeouts timeouts_;
  std::uint32_t capacity_;
  IdleLists idle_;
  TimerWheel wheel_;
};

}  // namespace wobble
