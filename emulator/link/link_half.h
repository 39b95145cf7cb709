// One direction of a link: the pipeline that decides a packet's fate, and the packets in flight, from the moment their
// fate was decided until they have left or are lost.
//
//   enter(), or enter_bottleneck() → advance_bottleneck() ... pop_due() → complete()
//
// Invariant: each packet in flight waits in the bottleneck or in the queue, or was handed out by pop_due() and is not
// complete yet; whatever becomes of it is counted and told to the connection table and the taps, once. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "emulator/connections/connection_table.h"
#include "emulator/device/packet_tap.h"
#include "emulator/link/direction_meter.h"
#include "emulator/link/pipeline.h"
#include "emulator/queue/release_queue.h"

namespace wobble {

class LinkHalf {
 public:
  using Taps = std::vector<std::shared_ptr<PacketTap>>;

  /// `capacity`: how many connections the table has at most. `connections` and `taps` must outlive it, and the pool of
  /// the packets, too.
  LinkHalf(Direction direction, std::uint64_t seed, std::uint32_t capacity, ConnectionTable& connections,
           const Taps& taps)
      : connections_(connections),
        taps_(taps),
        arrived_on_(opposite(destination_of(direction))),
        pipeline_(direction, seed, capacity) {}

  /// To be configured, and asked for verdicts. What waits in it is brought and taken here only.
  Pipeline& pipeline() noexcept { return pipeline_; }
  DirectionMeter& meter() noexcept { return meter_; }

  /// A packet leaves at its release_at; `hold_packets` as Verdict's, `to_mark`: with congestion experienced. If there
  /// is no memory to queue it, it is lost.
  void enter(InFlight&& packet, std::uint32_t hold_packets, bool to_mark) noexcept;
  /// One that waits in the bottleneck, as the verdict said.
  void enter_bottleneck(Waiting&& waiting) noexcept;
  /// Whether several packets with one fate may enter as one: not where those that wait aside count what comes.
  bool takes_runs() const noexcept { return pipeline_.conditions().reorder.by_packets == 0 && !queue_.has_held(); }

  /// Moves on what leaves the bottleneck until `now`, or is dropped there.
  void advance_bottleneck(TimePoint now) noexcept {
    if (pipeline_.next_leaving_at() <= now) empty_bottleneck(now);
  }
  /// The same, and the outage's cycle: what it takes with it is lost.
  void advance(TimePoint now) noexcept {
    advance_bottleneck(now);
    if (pipeline_.advance(now)) drop_in_flight(now);
  }
  /// When advance() or pop_due() has something to do; kNever if nothing waits.
  TimePoint next_due() const noexcept {
    return std::min({pipeline_.next_change(), pipeline_.next_leaving_at(), queue_.next_due()});
  }

  /// The packet that leaves next, if its time has come.
  std::optional<InFlight> pop_due(TimePoint now) noexcept { return queue_.pop_due(now); }
  /// What became of a packet that pop_due() handed out: written at `now`, or refused by the device.
  void complete(const InFlight& packet, bool written, TimePoint now) noexcept;
  /// What is in the queue leaves at `now`, in order, and nobody waits for it. std::bad_alloc.
  void release_all(TimePoint now);

  /// Nothing is to happen to what arrives, and nothing is in flight that it could overtake.
  bool asks_nothing() const noexcept { return pipeline_.asks_nothing() && meter_.packets_in_flight() == 0; }
  DirectionStats stats(TimePoint now) noexcept { return meter_.stats(pipeline_.loss_runs(), now); }

 private:
  void empty_bottleneck(TimePoint now) noexcept;
  void mark(InFlight& packet) noexcept;
  void enqueue(InFlight&& packet, std::uint32_t hold_packets, TimePoint now) noexcept;
  void lose(const InFlight& packet, DropReason reason, TimePoint now) noexcept;
  void drop_in_flight(TimePoint now) noexcept;

  ConnectionTable& connections_;
  const Taps& taps_;
  const Side arrived_on_;
  Pipeline pipeline_;
  ReleaseQueue queue_;
  DirectionMeter meter_;
};

}  // namespace wobble
