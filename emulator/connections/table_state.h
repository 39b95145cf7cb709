// What a ConnectionTable is made of, and how its parts work together: the store finds the record, the tracker moves it,
// the wheel and the idle lists say what ends next, and the observer is told.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <variant>

#include "emulator/connections/close_list.h"
#include "emulator/connections/connection_table.h"
#include "emulator/connections/datagram_table.h"
#include "emulator/connections/flood_watch.h"
#include "emulator/connections/flow_counters.h"
#include "emulator/connections/half_open.h"
#include "emulator/connections/idle_lists.h"
#include "emulator/connections/one_sided_flows.h"
#include "emulator/connections/record_store.h"
#include "emulator/connections/tcp/mark_list.h"
#include "emulator/connections/tcp/sequence_ranges.h"
#include "emulator/connections/tcp/tcp_stream.h"
#include "emulator/connections/tcp/tcp_tracker.h"
#include "emulator/connections/tcp/tcp_waiting.h"
#include "emulator/connections/timer_wheel.h"

namespace wobble {

/// How many segments of one connection are told: those that tell its story; the first of the others; all of one that
/// somebody follows.
inline constexpr std::uint16_t kMaxNotableSegments = 1000;
inline constexpr std::uint16_t kMaxOtherSegments = 16;
inline constexpr std::uint16_t kMaxFollowedSegments = 20'000;

/// Server endpoints whose connections are counted, and address pairs whose packets without ports are.
inline constexpr std::uint32_t kCountedNames = 16'384;
/// Timers looked at in one advance().
inline constexpr std::uint32_t kTimersPerAdvance = 256;

/// What one connection costs that nothing happens to (see DataTroubles), beyond 12 bytes for each FIN and RST: the
/// record, its timer, its place among the idle ones, and two buckets.
inline constexpr std::size_t kBytesPerRecord =
    sizeof(Record) + TimerWheel::kBytesPerRecord + IdleLists::kBytesPerRecord + 2 * sizeof(std::uint32_t);
inline constexpr std::size_t kMostBytes = 512;
static_assert(kBytesPerRecord + 2 * sizeof(DataTroubles) + sizeof(DataRarities) <= kMostBytes);
static_assert(kBytesPerRecord + 2 * sizeof(DataTroubles) + 2 * ClosePool::kBytesPerClose <= kMostBytes);
static_assert(kBytesPerRecord + sizeof(DataTroubles) + sizeof(DataRarities) + sizeof(DataOddities) <= kMostBytes);

/// A packet is never in flight for so long, at conditions of ten minutes each.
inline constexpr Duration kLongestFlight = std::chrono::hours(1);

/// The table never is so small that a source could not have so many half-open connections.
inline constexpr std::uint32_t kFewestOfSource = 16;

/// The class of the idle lists for what is leaving.
inline constexpr std::uint8_t kLeaving = 8;
static_assert(kLeaving < IdleLists::kClasses);

struct ConnectionTable::State {
  /// How a packet opens a record.
  struct Opening {
    Side client_side = Side::near;
    bool midstream = false;
    bool is_flipped = false;     ///< the packet came from the server, as far as can be guessed
    Rule rule = Rule::timer;     ///< of TCP
    PendingSyn pending;          ///< syn_within_answered: the client's SYN, seen before
    std::optional<SynText> syn;  ///< opened by a SYN that can be kept as half-open
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

  /// What was not told of a record yet, because a flood is on: SYN, SYN-ACK and what ends it by RST or by time.
  struct Untold {
    TimePoint opened_at{};
    std::uint32_t ordinal = 0;
    std::uint32_t count = 0;
    std::array<std::variant<Transition, SegmentRecord>, 7> events;
  };

  State(const ConnectionTableOptions& the_options, ConnectionObserver& the_observer);

  // opening
  /// Without those that are leaving.
  std::uint32_t size() const noexcept { return store.size() + half_open.size() - idle.count(kLeaving); }
  std::uint32_t capacity() const noexcept { return std::max(options.capacity, 1u); }
  static Endpoint server_of(const FlowKey& key, Side server_side) noexcept;
  static std::uint64_t flow_key_of(const FlowKey& key, Side server_side, std::uint32_t ordinal) noexcept;
  FlowPosition without_connection(const PacketView& packet) noexcept;
  /// Index of a record, or of a half-open connection with kHalfOpenHandle; 0: none.
  std::uint32_t find_or_open(const PacketView& packet, Side side, TimePoint now) noexcept;
  std::uint32_t begin_anew_or_go_on(std::uint32_t index, const PacketView& packet, Side side, TimePoint now) noexcept;
  std::optional<Opening> opening_of(const PacketView& packet, Side side) const noexcept;
  Side guess_client(const PacketView& packet, Side side) const noexcept;
  std::uint32_t open(const FlowKey& key, const Opening& opening, TimePoint now) noexcept;
  std::uint64_t server_name(const FlowKey& key, Side server_side) const noexcept;

  // table_half_open.cpp
  std::uint32_t open_half(const FlowKey& key, const Opening& opening, ConnectionId id, TimePoint now) noexcept;
  /// Index in half_open of what the handle means; 0: it is a record's, or stale.
  std::uint32_t half_open_of(ConnectionHandle handle) const noexcept;
  FlowPosition position_of(std::uint32_t half) const noexcept;
  /// The packet is the same SYN again, and nothing is known that an entry has no place for.
  bool goes_on(std::uint32_t half, const PacketView& packet, Side side, TimePoint now) const noexcept;
  /// A SYN of the same client with another number (row restart).
  bool is_new_attempt(std::uint32_t half, const PacketView& packet, Side side) const noexcept;
  /// What send() and deliver() do to a record; false, and nothing done, if an entry has no place for it.
  bool take_sent(std::uint32_t half, const PacketView& packet, const Fate& fate, TimePoint now) noexcept;
  bool take_delivered(std::uint32_t half, const PacketView& packet, TimePoint arrived, const Fate& fate,
                      std::uint8_t copy, TimePoint now) noexcept;
  /// Makes it the record that it would be, had it been one from the start. Returns the record's index.
  std::uint32_t promote(std::uint32_t half) noexcept;
  /// The same into a record that is in no store: to be release()d. Tells nothing of what was told.
  void restore(Record& record, const HalfOpen& entry) noexcept;
  TimePoint half_open_deadline() const noexcept;
  void expire_half_open(TimePoint now) noexcept;
  void end_half_open(std::uint32_t half, End end, TimePoint now) noexcept;
  ConnectionFigures figures_of_half_open(std::uint32_t half) noexcept;
  void count_failure(const Record& record, End end, TimePoint now) noexcept;
  void advance_flood(TimePoint now) noexcept;
  /// Of a packet that would open a record without a handshake: whether it may, or there is a flood of such.
  bool may_open(const FlowKey& key, const Opening& opening, Side side, TimePoint now) noexcept;
  void advance_one_sided(TimePoint now) noexcept;
  void tell_one_sided(TimePoint now) noexcept;
  /// Both sides of a flow that was opened without a handshake have sent.
  void note_answer(const Record& record) noexcept;
  void end_flood(TimePoint now) noexcept;

  // table_fragments.cpp: what the calls of the same names do, for a fragment
  FlowPosition arrive_fragment(const PacketView& packet, Side side, TimePoint now) noexcept;
  void send_fragment(ConnectionHandle connection, const PacketView& packet, Side side, const Fate& fate,
                     TimePoint now) noexcept;
  void deliver_fragment(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
                        const Fate& fate, std::uint8_t copy, TimePoint now) noexcept;
  void lose_fragment(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
                     DropReason reason, std::uint8_t copy, TimePoint now) noexcept;
  /// Index of the record that its fragments belong to; 0: not known yet.
  std::uint32_t connection_of(const Datagram& datagram, TimePoint now) noexcept;
  /// They belong to it, also those that came before.
  void claim(Datagram& datagram, std::uint32_t index) noexcept;
  /// All of it has arrived. Index of its record, 0 if it opens none.
  std::uint32_t send_datagram(Datagram& datagram, TimePoint now) noexcept;
  void deliver_datagram(Datagram& datagram, std::uint8_t copy, TimePoint now) noexcept;
  /// Forgets it if nothing of it is to come.
  void end_datagram(Datagram& datagram) noexcept;

  // table_packets.cpp
  static std::uint32_t payload_size(const PacketView& packet) noexcept;
  /// The packet's number in its direction, from 0.
  std::uint64_t count_arrival(Record& record, const PacketView& packet, Role from) noexcept;
  /// Whether there is something to tell of a segment of `from`, that arrived then, when it lands, whatever it is.
  bool is_awaited(const Record& record, Role from, TimePoint arrived) const noexcept;
  /// True if any row applied.
  bool send(Record& record, const PacketView& packet, Side side, const Fate& fate, TimePoint now) noexcept;
  /// True if any row applied.
  bool deliver(Record& record, const PacketView& packet, Side arrived_on, TimePoint arrived, const Fate& fate,
               std::uint8_t copy, TimePoint now) noexcept;
  /// Once more; how often that is by now.
  std::uint32_t count(Record& record, Role role, Trouble what) noexcept {
    return troubles.count(record.tcp.of(role).troubles, what);
  }
  std::uint32_t payload_retransmissions(const Record& record, Role of) const noexcept;
  // The two halves of send() and of deliver(): what is counted of any packet, and what a TCP segment shows.
  void count_fate(Record& record, Role from, const Fate& fate) noexcept;
  /// True if any row applied.
  bool track_sent(Record& record, const PacketView& packet, Role from, const Fate& fate, TimePoint now) noexcept;
  void count_delivery(Record& record, const PacketView& packet, Role from, TimePoint arrived,
                      std::uint8_t copy) noexcept;
  bool track_delivered(Record& record, const PacketView& packet, Role from, TimePoint arrived, const Fate& fate,
                       std::uint8_t copy, TimePoint now) noexcept;
  /// A copy that was on its way is lost.
  void lose_segment(Record& record, const TcpSegment& segment, Role from, TimePoint arrived, DropReason reason,
                    std::uint8_t copy) noexcept;
  /// In by_client_state: one more or less, unless it is leaving.
  void count_state(const Record& record, TcpState state, std::uint32_t by) noexcept {
    if (!record.is_leaving) by_client_state[static_cast<std::size_t>(state)] += by;
  }
  void publish(Record& record, const Steps& steps, const SegmentSummary* segment, TimePoint now) noexcept;
  void tell_segment(Record& record, const Landing& landing) noexcept;
  void tell_lost_copies(Record& record, const PacketView& packet, Role from, const Fate& fate, const Sending& sending,
                        bool is_notable, TimePoint now) noexcept;
  template <typename Event>
  void say(Record& record, const Event& event) noexcept;
  void tell_opened(const Record& record, std::uint32_t ordinal, TimePoint at) noexcept;
  void tell_all(Record& record) noexcept;
  void note_established(Record& record, const Step& step) noexcept;

  // in life
  std::uint32_t resolve(ConnectionHandle handle) const noexcept;
  /// Also if it was half-open when the handle was given out.
  std::uint32_t resolve_any(ConnectionHandle handle) const noexcept {
    return handle.is_half_open() ? store.find_generation(handle.generation) : resolve(handle);
  }
  /// An ICMP error leaves towards the side opposite of `arrived_on`: what it does to the connection it is about.
  void deliver_icmp_error(const PacketView& packet, Side arrived_on, TimePoint now) noexcept;
  /// Nothing happened but that a packet came: whatever the record waits for, its deadline moves later.
  void use(std::uint32_t index, TimePoint now) noexcept;
  TimePoint deadline_of(std::uint32_t index) const noexcept;
  /// After anything that happened to a TCP record: its class, its deadline, and its end if it is over. `is_use`: it
  /// counts as use of the record.
  void settle(std::uint32_t index, bool is_use, TimePoint now) noexcept;

  // table_leaving.cpp: records that another one has followed, or that had to make room, while packets of theirs are in
  // flight: those still are told, and tell how the connection has ended.
  /// The record gives up its key and its place. It ends with `end` when nothing of it is in flight any more, at once if
  /// nothing is, unless what lands until then ends it otherwise.
  void dismiss(std::uint32_t index, End end, TimePoint now) noexcept;
  /// After a packet of the record has landed or was lost.
  void note_landed(std::uint32_t index, TimePoint now) noexcept {
    if (store[index].is_leaving && in_flight(store[index]) == 0) end_leaving(index, now);
  }
  void end_leaving(std::uint32_t index, TimePoint now) noexcept;
  /// Copies that have arrived here, and have neither left nor been dropped.
  std::uint64_t in_flight(const Record& record) const noexcept;
  static End end_of_leaving(const Record& record) noexcept;
  /// Index of the leaving record that a packet is of, although another one has its key: `index` if that is a record, or
  /// a half-open connection. 0: it is not.
  std::uint32_t earlier_of(const FlowKey& key, std::uint32_t index, const PacketView& packet, Side side) noexcept;

  // ending
  void expire(std::uint32_t index, TimePoint now) noexcept;
  /// If the table is full, somebody goes.
  void make_room(TimePoint now) noexcept;
  ConnectionFigures figures_of(const Record& record) const noexcept;
  void tell_end(Record& record, End end, TimePoint now) noexcept;
  void release(Record& record) noexcept;
  void forget(std::uint32_t index, TimePoint now) noexcept;

  ConnectionTableOptions options;
  ConnectionObserver& observer;
  HashKey hash_key;
  RecordStore store;
  HalfOpenStore half_open;
  LazyArray<Untold> untold;  ///< of each record
  IdleLists idle;
  TimerWheel wheel;
  FlowCounters counters;
  DatagramTable datagrams;
  RangePool ranges;
  TroublePool troubles;
  MarkPool marks;
  ClosePool closes;
  TcpTracker tracker;
  TcpStream stream;
  FloodWatch watch;
  FloodTally tally;
  FloodWatch one_sided_watch;
  FloodTally one_sided_tally;
  OneSidedFlows one_sided;
  bool is_muted = false;  ///< what is being done was told before
  ConnectionId next_id;
  std::array<std::uint32_t, kTcpStateCount> by_client_state{};
};

}  // namespace wobble
