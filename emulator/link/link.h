// A link as a pure function of packets, time and seed: both directions' pipelines and queues, and its connections.
//
//   admit(bytes, side, now) → parse → connection → pipeline → queue ... pop_due(now) → complete(packet)
//
// The owner (the forwarder's loop, a test, a replay) brings packets and the time, writes what pop_due() hands out and
// reports with complete() whether the device took it. Nothing here reads a clock or does I/O. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "emulator/conditions/conditions.h"
#include "emulator/connections/connection_table.h"
#include "emulator/device/packet_tap.h"
#include "emulator/link/admission.h"
#include "emulator/link/conditions_in_force.h"
#include "emulator/link/link_options.h"
#include "emulator/link/link_parts.h"
#include "emulator/packet/packet_buffer.h"
#include "emulator/packet/super_packet.h"
#include "emulator/queue/release_queue.h"
#include "emulator/statistics/link_stats.h"

namespace wobble {

class Link {
 public:
  Link(const LinkOptions& options, ConnectionObserver& observer, TimePoint now);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Room for the largest packet a device may hand over; empty if the memory is exhausted.
  PacketBuffer buffer_to_read_into() noexcept { return parts_.pool.allocate(BufferPool::kLargest); }

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
  std::optional<InFlight> pop_due(Direction direction, TimePoint now) noexcept {
    return parts_.half(direction).pop_due(now);
  }

  /// What became of a packet that pop_due() handed out: written at `now`, or refused by the device.
  void complete(const InFlight& packet, Direction direction, bool written, TimePoint now) noexcept {
    parts_.half(direction).complete(packet, written, now);
  }

  /// New conditions, in effect for the next packet, and for what waits in the bottleneck. What is in flight beyond it
  /// keeps its time. `conditions` must be valid. Without memory for them std::bad_alloc, and the old ones stay.
  void apply(const LinkConditions& conditions, TimePoint now);
  /// No impairment, and what is in flight leaves now, in order.
  void reset(TimePoint now);

  const LinkConditions& conditions() const noexcept { return conditions_.asked(); }
  std::uint64_t seed() const noexcept { return seed_; }
  ConnectionTable& connections() noexcept { return parts_.connections; }
  LinkStats stats(TimePoint now) noexcept;
  /// Memory of the packets in flight, and of those read and not admitted yet, in bytes.
  std::size_t memory_in_use() const noexcept { return parts_.pool.bytes_in_use(); }
  /// Gives back what is kept for packets to come, or a part of it; true: there is more.
  bool release_unused_memory() noexcept {
    constexpr std::size_t kBlocks = 1000;  // some 50 us, in which nothing else happens on the link
    return parts_.pool.release_unused(kBlocks);
  }

  /// Shows every packet to `tap` from now on, until remove_tap(). Without taps nothing is spent on them.
  void add_tap(std::shared_ptr<PacketTap> tap) { parts_.taps.push_back(std::move(tap)); }
  void remove_tap(const PacketTap& tap) {
    std::erase_if(parts_.taps, [&](const auto& one) { return one.get() == &tap; });
  }

 private:
  const std::uint64_t seed_;
  LinkParts parts_;  // before those who work on it
  ConditionsInForce conditions_;
  Admission admission_;
};

}  // namespace wobble
