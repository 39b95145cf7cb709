// A link as a pure function of packets, time and seed: both directions' pipelines and queues, and its connections.
//
//   admit(bytes, side, now) → parse → connection → pipeline → queue ... pop_due(now) → complete(packet)
//
// The owner (the forwarder's loop, a test, a replay) brings packets and the time, writes what pop_due() hands out and
// reports with complete() whether the device took it. Nothing here reads a clock or does I/O. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "emulator/conditions/conditions.h"
#include "emulator/conditions/scenario.h"
#include "emulator/connections/connection_table.h"
#include "emulator/device/packet_tap.h"
#include "emulator/impairments/corrupt.h"
#include "emulator/impairments/idle_timeout.h"
#include "emulator/link/pipeline.h"
#include "emulator/packet/packet_buffer.h"
#include "emulator/packet/super_packet.h"
#include "emulator/queue/release_queue.h"
#include "emulator/statistics/link_stats.h"
#include "emulator/statistics/rate_meter.h"
#include "emulator/statistics/reordering_meter.h"

namespace wobble {

struct LinkOptions {
  std::uint64_t seed = 1;
  ConnectionTableOptions connections;
  std::size_t memory_limit = std::size_t{256} << 20;  ///< bytes in flight
  std::shared_ptr<MemoryBudget> memory;               ///< shared with other links, in place of memory_limit
  /// Where the link's own ICMP errors come from. Without one they come from where the packet was going, as a host would
  /// send them: an address that its sender's routes are sure to accept.
  std::optional<IpAddress> hop_v4{};
  std::optional<IpAddress> hop_v6{};
};

class Link {
 public:
  Link(const LinkOptions& options, ConnectionObserver& observer, TimePoint now);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Room for the largest packet a device may hand over; empty if the memory is exhausted.
  PacketBuffer buffer_to_read_into() noexcept { return pool_.allocate(BufferPool::kLargest); }

  /// A packet, or super-packet, arrived on `side`. If `storage` is given, it is the buffer that holds `bytes`, and is
  /// kept where that saves a copy; otherwise what is kept is copied. `prefix` (link_prefix.h) stands before it, in
  /// `storage` too.
  void admit(std::span<const std::uint8_t> bytes, const Offload& offload, Side side, TimePoint now,
             PacketBuffer storage = {}, std::span<const std::uint8_t> prefix = {}) noexcept;
  /// A plain wire packet.
  void admit(std::span<const std::uint8_t> bytes, Side side, TimePoint now) noexcept {
    admit(bytes, Offload{}, side, now);
  }

  /// A packet that went on in the kernel at `now`, while its direction asked for nothing. `bytes` has the length of the
  /// whole; of a super-packet (`segment_size` > 0) what stands behind its headers is not looked at.
  void stayed(std::span<const std::uint8_t> bytes, std::uint16_t segment_size, Side side, TimePoint now) noexcept;
  /// Whether nothing is to happen to what arrives in that direction, nobody wants to see it whole, and nothing is in
  /// flight that it could overtake.
  bool asks_nothing(Direction direction) const noexcept;

  /// Timers: connection time-outs, outage cycles, a scenario's steps, what waits in the bottleneck. Call when
  /// next_due() has come, and before pop_due().
  void advance(TimePoint now) noexcept;

  /// The next moment at which advance() or pop_due() has something to do.
  TimePoint next_due() const noexcept;

  /// The next packet to leave in `direction`, if its time has come.
  std::optional<InFlight> pop_due(Direction direction, TimePoint now) noexcept;

  /// What became of a packet that pop_due() handed out: written at `now`, or refused by the device.
  void complete(const InFlight& packet, Direction direction, bool written, TimePoint now) noexcept;

  /// New conditions, in effect for the next packet, and for what waits in the bottleneck. What is in flight beyond it
  /// keeps its time. `conditions` must be valid. Without memory for them std::bad_alloc, and the old ones stay.
  void apply(const LinkConditions& conditions, TimePoint now);
  /// No impairment, and what is in flight leaves now, in order.
  void reset(TimePoint now);

  const LinkConditions& conditions() const noexcept { return conditions_; }
  std::uint64_t seed() const noexcept { return seed_; }
  ConnectionTable& connections() noexcept { return connections_; }
  LinkStats stats(TimePoint now) noexcept;
  /// Memory of the packets in flight, and of those read and not admitted yet, in bytes.
  std::size_t memory_in_use() const noexcept { return pool_.bytes_in_use(); }
  /// Gives back what is kept for packets to come.
  void release_unused_memory() noexcept { pool_.release_unused(); }

  /// Shows every packet to `tap` from now on, until remove_tap(). Without taps nothing is spent on them.
  void add_tap(std::shared_ptr<PacketTap> tap) { taps_.push_back(std::move(tap)); }
  void remove_tap(const PacketTap& tap) {
    std::erase_if(taps_, [&](const auto& one) { return one.get() == &tap; });
  }

 private:
  struct Half {  // one direction
    Half(Direction direction, const LinkOptions& options)
        : pipeline(direction, options.seed, options.connections.capacity) {}
    Pipeline pipeline;
    ReleaseQueue queue;
    DirectionCounters before;  ///< of packets that arrived before the conditions last changed
    DirectionCounters since_change;
    LossRuns loss_before;  ///< the conditions last changed
    std::uint64_t packets_in_flight = 0;
    std::uint64_t bytes_in_flight = 0;
    std::uint64_t next_sequence = 0;  ///< of the packet that arrives next
    ReorderingMeter reordering;
    RateMeter rate_in;
    RateMeter rate_out;
  };

  Half& half(Direction d) noexcept { return d == Direction::up ? up_ : down_; }
  /// For what arrived under the conditions of `epoch`.
  DirectionCounters& counters(Half& half, std::uint32_t epoch) const noexcept {
    return epoch == epoch_ ? half.since_change : half.before;
  }
  /// A super-packet on its way in.
  struct Arrival {
    SuperPacket packet;
    PacketBuffer storage;
    Side side;
    TimePoint now;
    std::span<const std::uint8_t> bytes;
    std::span<const std::uint8_t> prefix;
    std::uint64_t number = 0;    ///< of its first segment
    std::uint64_t sequence = 0;  ///< of the segment that is looked at, among those of its direction
    bool is_damaged = false;     ///< its receiver will discard it for its checksum, or, a fragment, the whole
  };
  /// Consecutive segments of one arrival with the same plain fate, from `first`.
  struct Run {
    std::uint32_t first = 0;
    std::uint32_t n = 0;
    ConnectionHandle connection;
    Fate fate;
    std::uint64_t sequence = 0;  ///< of the first
  };
  /// Of `count` wire packets that hold `size` bytes.
  void count_arrival(Half& half, std::uint32_t count, std::size_t size, TimePoint now) noexcept;
  void track_stayed(Half& half, const SuperPacket& packet, Side side, TimePoint now) noexcept;
  void admit_segments(Half& half, Arrival& arrival) noexcept;
  Verdict decide(Half& half, const Arrival& arrival, const PacketView& segment, const FlowPosition& flow) noexcept;
  /// Lets the segments behind the run's only one that meet the same fate join it, if they need not be looked at one by
  /// one; how many.
  std::uint32_t arrive_alike(Half& half, const Arrival& arrival, const FlowPosition& flow, Run& run) noexcept;
  void keep_run(Half& half, Arrival& arrival, Run& run) noexcept;
  /// The bytes of the run's packet; empty if the memory is exhausted.
  PacketBuffer keep_bytes(Arrival& arrival, const Run& run, Offload& offload) noexcept;
  /// Tells its connection of the run: answers with InFlight::tcp_at.
  std::uint8_t track_run(const Arrival& arrival, const Run& run) noexcept;
  void keep_single(Half& half, Arrival& arrival, std::uint32_t segment, const PacketView& view,
                   const FlowPosition& flow, Verdict& verdict) noexcept;
  /// The copies of one segment as they will leave; one that is lost stays empty. Completes the verdict's fate with what
  /// only the bytes and the memory can tell, and counts.
  std::array<InFlight, Fate::kMaxCopies> make_copies(Half& half, const Arrival& arrival, std::uint32_t segment,
                                                     Verdict& verdict) noexcept;
  /// Admits the fragments of a segment that is too big in its place.
  void admit_fragments(Half& half, const Arrival& arrival, std::uint32_t segment) noexcept;
  /// Tells the sender of a segment that was refused, if that was asked for.
  void answer_refused(Half& half, const Arrival& arrival, std::uint32_t segment, const FlowPosition& flow,
                      DropReason reason) noexcept;
  /// A segment as it is on the wire; empty if the memory is exhausted.
  PacketBuffer wire_packet(const Arrival& arrival, std::uint32_t segment) noexcept;
  /// Sends a packet of the link's own behind `prefix`, at `release_at`.
  void emit(Direction direction, std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> prefix,
            ConnectionHandle connection, TimePoint now, TimePoint release_at) noexcept;
  void count_originated(Half& half, std::uint32_t n) noexcept;
  void count_reordering(Half& half, const InFlight& packet) noexcept;
  Damage damage(Half& half, InFlight& packet, const Verdict& verdict) noexcept;
  /// From now on the packet is in flight.
  void enter_flight(Half& half, const InFlight& packet) noexcept;
  /// `now` is its arrival or later. If there is no memory to queue it, it is lost.
  void enqueue(Half& half, InFlight&& packet, std::uint32_t hold_packets, TimePoint now = TimePoint::min()) noexcept;
  /// There was no memory for a packet (`limit`: the bound), or for a step (0): the first time, and the first after a
  /// while without, somebody is told.
  void tell_exhausted(TimePoint now, std::uint64_t limit) noexcept;
  void tell_exhausted(TimePoint now) noexcept { tell_exhausted(now, pool_.limit()); }
  /// Moves on what leaves the bottleneck until `now`, or is dropped there.
  void advance_bottleneck(Direction direction, TimePoint now) noexcept {
    if (half(direction).pipeline.next_leaving_at() <= now) empty_bottleneck(direction, now);
  }
  void empty_bottleneck(Direction direction, TimePoint now) noexcept;
  void mark(Half& half, InFlight& packet) noexcept;
  void count_drop(Half& half, DropReason reason, std::uint32_t epoch, std::uint32_t n = 1) noexcept;
  void leave_flight(Half& half, const InFlight& packet) noexcept;
  /// What was in flight is lost after all.
  void lose(const InFlight& packet, Direction direction, DropReason reason, TimePoint now) noexcept;
  void drop_in_flight(Direction direction, TimePoint now) noexcept;
  void start_epoch(TimePoint now);
  /// Brings the conditions about that hold from `at` on: the link's own, or those of the scenario's step. Without
  /// memory for them std::bad_alloc, and those that held go on.
  void put_in_force(const LinkConditions& conditions, std::size_t step, TimePoint at);
  /// Takes the scenario's steps until `now`, each at its own moment. One for which there is no memory is told of, and
  /// tried again each time: until then the one before goes on.
  void follow_scenario(TimePoint now) noexcept {
    if (scenario_.next_change() <= now || step_ != scenario_.step()) take_steps(now);
  }
  void take_steps(TimePoint now) noexcept;
  void begin_step(TimePoint at) noexcept;
  void show_arrival(const Arrival& arrival, std::uint32_t segment, const Fate& fate) noexcept;

  std::uint64_t seed_;
  ConnectionObserver& observer_;
  BufferPool pool_;  // before the queues, which hold its buffers
  ConnectionTable connections_;
  IdleTimeout idle_timeout_;
  std::optional<IpAddress> hop_v4_;
  std::optional<IpAddress> hop_v6_;
  LinkConditions conditions_;
  Scenario scenario_;
  std::size_t step_ = 0;  ///< of it, in force; another than scenario_.step(): there was no memory for that one yet
  Half up_;
  Half down_;
  std::uint32_t epoch_ = 0;
  TimePoint changed_at_;
  TimePoint exhausted_at_ = TimePoint::min();  ///< the latest time memory was
  std::uint64_t next_number_ = 0;              ///< of the wire packet that arrives, or is originated, next
  std::vector<std::shared_ptr<PacketTap>> taps_;
};

}  // namespace wobble
