// What a ConnectionTable is made of, and how its parts work together: the store finds the record, the tracker moves it,
// the wheel and the idle lists say what ends next, and the observer is told.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "emulator/connection_table.h"
#include "emulator/connections/close_list.h"
#include "emulator/connections/flow_counters.h"
#include "emulator/connections/idle_lists.h"
#include "emulator/connections/mark_list.h"
#include "emulator/connections/record_store.h"
#include "emulator/connections/sequence_ranges.h"
#include "emulator/connections/tcp_tracker.h"
#include "emulator/connections/timer_wheel.h"

namespace wobble {

/// How many segments of one connection are told: those that tell its story; the first of the others; all of one that
/// somebody follows.
inline constexpr std::uint16_t kMaxNotableSegments = 1000;
inline constexpr std::uint16_t kMaxOtherSegments = 16;
inline constexpr std::uint16_t kMaxFollowedSegments = 20'000;

/// Server endpoints whose connections are counted, and address pairs whose fragments are.
inline constexpr std::uint32_t kCountedNames = 16'384;
/// Timers looked at in one advance().
inline constexpr std::uint32_t kTimersPerAdvance = 256;

/// What one connection costs that nothing happens to (see Troubles), beyond 12 bytes for each FIN and RST: the record,
/// its timer, its place among the idle ones, and two buckets.
inline constexpr std::size_t kBytesPerRecord =
    sizeof(Record) + TimerWheel::kBytesPerRecord + IdleLists::kBytesPerRecord + 2 * sizeof(std::uint32_t);
static_assert(kBytesPerRecord + 2 * ClosePool::kBytesPerClose <= 512);

struct ConnectionTable::State {
  /// How a packet opens a record.
  struct Opening {
    Side client_side = Side::near;
    bool midstream = false;
    bool is_flipped = false;  ///< the packet came from the server, as far as can be guessed
    std::uint8_t row = kNoRow;
    PendingSyn pending;  ///< row 8: the client's SYN, seen before
  };
  /// A copy of a segment whose fate is sealed.
  struct Landing {
    const TcpSegment& tcp;
    Role from;
    std::uint8_t copy;
    bool retransmission;
    bool notable;
    FateWord fate;
    DropReason drop;
    TimePoint sent_at;
    TimePoint delivered_at;
  };

  State(const ConnectionTableOptions& the_options, ConnectionObserver& the_observer);

  // opening
  FlowPosition without_connection(const PacketView& packet) noexcept;
  std::uint32_t find_or_open(const PacketView& packet, Side side, TimePoint now) noexcept;
  std::optional<Opening> opening_of(const PacketView& packet, Side side) const noexcept;
  Side guess_client(const PacketView& packet, Side side) const noexcept;
  std::uint32_t open(const FlowKey& key, const Opening& opening, TimePoint now) noexcept;
  std::uint64_t server_name(const FlowKey& key, Side server_side) const noexcept;

  // in life
  std::uint32_t resolve(ConnectionHandle handle) const noexcept;
  EndpointTroubles& need_troubles(Record& record, Role role) noexcept {
    return troubles.need(record.tcp.troubles).of(role);
  }
  void publish(const Record& record, const Steps& steps, const SegmentSummary* segment, TimePoint now) noexcept;
  void tell_segment(Record& record, const Landing& landing) noexcept;
  void tell_lost_copies(Record& record, const PacketView& packet, Role from, const Fate& fate, const Sending& sending,
                        bool is_notable, TimePoint now) noexcept;
  /// An ICMP error leaves towards the side opposite of `arrived_on`: what it does to the connection it is about.
  void deliver_icmp_error(const PacketView& packet, Side arrived_on, TimePoint now) noexcept;
  void use_flow(std::uint32_t index, TimePoint now) noexcept;
  /// After anything that happened to a TCP record: its class, its deadline, and its end if it is over. `is_use`: it
  /// counts as use of the record.
  void settle(std::uint32_t index, bool is_use, TimePoint now) noexcept;

  // ending
  void expire(std::uint32_t index, TimePoint now) noexcept;
  void evict_one(TimePoint now) noexcept;
  std::uint32_t victim() const noexcept;
  ConnectionFigures figures_of(const Record& record) const noexcept;
  void tell_end(Record& record, End end, TimePoint now) noexcept;
  void forget(std::uint32_t index) noexcept;

  ConnectionTableOptions options;
  ConnectionObserver& observer;
  HashKey hash_key;
  RecordStore store;
  IdleLists idle;
  TimerWheel wheel;
  FlowCounters counters;
  RangePool ranges;
  TroublePool troubles;
  MarkPool marks;
  ClosePool closes;
  TcpTracker tracker;
  ConnectionId next_id;
  std::array<std::uint32_t, kTcpStateCount> by_client_state{};
};

}  // namespace wobble
