// The connections of one link: a bounded table from 5-tuple to record, the TCP tracker that moves each record through
// RFC 9293's states, and the timers that end what no packet ends.
//
// Thread: everything here belongs to the link's one thread. No call allocates per packet once the table is warm.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "emulator/connections/tcp/connection_timeouts.h"
#include "emulator/events/event.h"

namespace wobble {

/// Where the table tells what happens. Called on the link's thread, must not throw and must not wait.
class ConnectionObserver {
 public:
  virtual ~ConnectionObserver() = default;
  virtual void on(const ConnectionOpened&) noexcept = 0;
  virtual void on(const Transition&) noexcept = 0;
  virtual void on(const ConnectionClosed&) noexcept = 0;
  virtual void on(const SegmentRecord&) noexcept = 0;
  virtual void on_reopened(const ConnectionReopened&) noexcept {}
  virtual void on_late(const LateFigures&) noexcept {}
  virtual void on_exhausted(const MemoryExhausted&) noexcept {}  ///< told by the link
  virtual void on_flood(const HalfOpenFlood&) noexcept {}
};

/// In the index of a handle: the connection is half-open, and kept apart from the records.
inline constexpr std::uint32_t kHalfOpenHandle = 1u << 31;

/// What the handle of a connection says beside the index; never 0.
constexpr std::uint32_t generation_of(ConnectionId id) noexcept { return static_cast<std::uint32_t>(id) | 1u << 31; }

/// A record that may meanwhile have been evicted: index and generation. A stale handle is recognised and ignored.
struct ConnectionHandle {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  ///< 0: no connection
  explicit operator bool() const noexcept { return generation != 0; }
  bool is_half_open() const noexcept { return (index & kHalfOpenHandle) != 0; }
};

struct ConnectionTableOptions {
  /// Connections; reached: evict, never refuse. A sixteenth of them more may be leaving: superseded or evicted, with
  /// packets in flight.
  std::uint32_t capacity = 65'536;
  /// One source has at most this part of the capacity (but 16) in connections that nobody has answered; with one more
  /// it loses its oldest. 1: all of it.
  std::uint32_t half_open_share = 4;
  /// So many handshakes a second that are begun and not completed are a flood (FloodWatch says when it begins and when
  /// it ends). While it lasts a connection is told when either endpoint is ESTABLISHED, with all that went before and
  /// its true times; what comes to nothing is counted (HalfOpenFlood). 0: never, everything is told at once.
  std::uint32_t flood_rate = 1000;
  ConnectionTimeouts timeouts;
  std::uint64_t hash_key[2] = {0, 0};  ///< random per start, against chosen collisions
  /// Several links draw from one sequence; none: the table counts by itself, as the next two say.
  std::shared_ptr<std::atomic<ConnectionId>> ids = nullptr;
  ConnectionId first_id = 1;
  std::uint32_t id_step = 1;  ///< so that several links draw from one sequence without sharing: first_id + n * id_step
};

/// What the pipeline needs to know of the flow a packet belongs to, so that its chance hangs on the flow alone.
struct FlowPosition {
  ConnectionHandle connection;
  std::uint64_t flow_key = 0;  ///< from protocol, server endpoint and ordinal: the same in every run
  std::uint64_t packet = 0;    ///< this is the k-th packet in its direction, from 0
};

class ConnectionTable {
 public:
  ConnectionTable(const ConnectionTableOptions& options, ConnectionObserver& observer);
  ~ConnectionTable();
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;

  /// A packet arrived on `side`: finds its flow or opens one (evicting if full; a SYN that begins a new incarnation
  /// ends the old one, as soon as nothing of it is in flight), and counts it as that flow's next packet. A fragment
  /// without ports, or a TCP segment that opens nothing (a lone RST), gets a position without connection, whose key
  /// hangs on the addresses alone.
  FlowPosition arrive(const PacketView& packet, Side side, TimePoint now) noexcept;

  /// S(X, segment): what the sender of `packet` has shown by sending it. Once per arrived packet, after the pipeline
  /// has decided `fate`, whatever that is. Flows other than TCP are counted only.
  void sent(ConnectionHandle connection, const PacketView& packet, Side side, const Fate& fate, TimePoint now) noexcept;

  /// D(X, segment): a copy left towards the other side. Not called for what was dropped. `arrived` and `fate` are
  /// those of its sent(); `copy` is its number.
  void delivered(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
                 const Fate& fate, std::uint8_t copy, TimePoint now) noexcept;

  /// The same for less, for a TCP segment in a packet of `length` bytes that only carries the established stream on, as
  /// nearly every one does. False, and nothing done, if it is not such.
  bool delivered_on(ConnectionHandle connection, const TcpSegment& segment, std::uint32_t length, Side arrived_on,
                    TimePoint arrived, const Fate& fate) noexcept;

  /// What follows is for the segments of a super-packet behind its first: `rest` is SuperPacket::run() of those, `n` of
  /// them, and all share the first's fate and moment. What each call does is exactly what one call for each segment
  /// would do; where it cannot, it does nothing and answers false.

  /// After arrive() of the first, which answered with `connection`.
  bool arrive_rest(ConnectionHandle connection, const PacketView& rest, std::uint32_t n, Side side) noexcept;
  /// After sent() of the first.
  bool sent_rest(ConnectionHandle connection, const PacketView& rest, Side side, const Fate& fate) noexcept;
  /// After delivered() of the first.
  bool delivered_rest(ConnectionHandle connection, const PacketView& rest, std::uint32_t n, Side arrived_on,
                      TimePoint arrived, const Fate& fate) noexcept;

  /// In place of arrive() and all that follows: the packet's checksum (or its header) was bad before it came here, so
  /// its receiver will not look at it and nothing is concluded from it. Its connection, if there is one, remembers
  /// that. What it is to the pipeline: a packet without connection.
  FlowPosition bad_checksum(const PacketView& packet, Side side) noexcept;

  /// A copy that sent() thought would be delivered was dropped later (drop_in_flight, device).
  void lost(ConnectionHandle connection, const PacketView& packet, Side arrived_on, TimePoint arrived,
            DropReason reason, std::uint8_t copy, TimePoint now) noexcept;

  /// When advance() has something to do; kNever if nothing waits.
  TimePoint next_due() const noexcept;
  /// Runs the timers that are due. Bounded work per call (it may have to be called again at once: next_due() <= now).
  void advance(TimePoint now) noexcept;

  /// From now on every segment of this connection is told (up to a bound). False if it is not in the table.
  bool follow(ConnectionId id) noexcept;
  /// Also if its end was told: it may wait for stray segments.
  bool has(ConnectionId id) const noexcept;
  /// The figures up to the connection's last segment; nothing if the connection is not in the table (any more).
  std::optional<ConnectionFigures> figures(ConnectionId id) const noexcept;

  /// Without those that are leaving, as in count_states().
  std::uint32_t size() const noexcept;
  /// How many connections are in each state, by the client's state (flows other than TCP are not counted). Those whose
  /// end was told and that only wait (TIME_WAIT, CLOSED) are among them, as they are in size().
  void count_states(std::uint32_t (&by_client_state)[kTcpStateCount]) const noexcept;

  /// Ends every record with End::open, or End::half_open if one side of it is CLOSED, as a daemon that stops does; the
  /// table is empty afterwards.
  void close_all(TimePoint now) noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wobble
