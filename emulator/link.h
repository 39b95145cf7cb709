// A link as a pure function of packets, time and seed: both directions' pipelines and queues, and its connections.
//
//   admit(bytes, side, now) → parse → connection → pipeline → queue ... pop_due(now) → complete(packet)
//
// The owner (the forwarder's loop, a test, a replay) brings packets and the time, writes what pop_due() hands out and
// reports with complete() whether the device took it. Nothing here reads a clock or does I/O. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "emulator/conditions.h"
#include "emulator/connection_table.h"
#include "emulator/link_stats.h"
#include "emulator/packet_buffer.h"
#include "emulator/pipeline.h"
#include "emulator/rate_meter.h"
#include "emulator/release_queue.h"

namespace wobble {

struct LinkOptions {
  std::uint64_t seed = 1;
  ConnectionTableOptions connections;
  std::size_t memory_limit = std::size_t{256} << 20;  ///< bytes in flight
};

class Link {
 public:
  Link(const LinkOptions& options, ConnectionObserver& observer, TimePoint now);

  /// A packet arrived on `side`. The bytes are copied if it is kept.
  void admit(std::span<const std::uint8_t> bytes, Side side, TimePoint now) noexcept;

  /// Timers: connection time-outs, outage cycles. Call when next_due() has come, and before pop_due().
  void advance(TimePoint now) noexcept;

  /// The next moment at which advance() or pop_due() has something to do.
  TimePoint next_due() const noexcept;

  /// The next packet to leave in `direction`, if its time has come.
  std::optional<InFlight> pop_due(Direction direction, TimePoint now) noexcept;

  /// What became of a packet that pop_due() handed out: written at `now`, or refused by the device.
  void complete(const InFlight& packet, Direction direction, bool written, TimePoint now) noexcept;

  /// New conditions, in effect for the next packet. What is in flight keeps its time. `conditions` must be valid.
  void apply(const LinkConditions& conditions, TimePoint now);
  /// No impairment, and what is in flight leaves now, in order.
  void reset(TimePoint now);

  const LinkConditions& conditions() const noexcept { return conditions_; }
  std::uint64_t seed() const noexcept { return seed_; }
  ConnectionTable& connections() noexcept { return connections_; }
  LinkStats stats(TimePoint now) noexcept;

 private:
  struct Half {  // one direction
    Half(Direction direction, std::uint64_t seed) : pipeline(direction, seed) {}
    Pipeline pipeline;
    ReleaseQueue queue;
    DirectionCounters total;
    DirectionCounters since_change;
    std::uint64_t packets_in_flight = 0;
    std::uint64_t bytes_in_flight = 0;
    RateMeter rate_in;
    RateMeter rate_out;
  };

  Half& half(Direction d) noexcept { return d == Direction::up ? up_ : down_; }
  /// The packet's copies as they will leave; one that is lost stays empty. Completes the verdict's fate with what only
  /// the bytes and the memory can tell, and counts.
  std::array<PacketBuffer, Fate::kMaxCopies> make_copies(Half& half, const PacketView& view, Verdict& verdict) noexcept;
  void enqueue(Half& half, InFlight&& packet, std::uint32_t hold_packets) noexcept;
  void count_drop(Half& half, DropReason reason, std::uint32_t epoch) noexcept;
  void drop_in_flight(Direction direction, TimePoint now) noexcept;
  void start_epoch(TimePoint now);

  std::uint64_t seed_;
  BufferPool pool_;  // before the queues, which hold its buffers
  ConnectionTable connections_;
  LinkConditions conditions_;
  Half up_;
  Half down_;
  std::uint32_t epoch_ = 0;
  TimePoint changed_at_;
};

}  // namespace wobble
