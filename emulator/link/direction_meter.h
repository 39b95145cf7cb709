// What is counted and measured of one direction of a link.
//
// Packets are counted under the conditions they arrived under: those in force, or any before. It always holds, to the
// packet, that packets_in + duplicated + originated = packets_out + sum(dropped) + packets_in_flight, once everybody
// has said here what became of what arrived. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "emulator/queue/release_queue.h"
#include "emulator/statistics/link_stats.h"
#include "emulator/statistics/rate_meter.h"
#include "emulator/statistics/reordering_meter.h"

namespace wobble {

class DirectionMeter {
 public:
  /// Of the conditions in force, for InFlight::epoch.
  std::uint32_t epoch() const noexcept { return epoch_; }
  /// New conditions are in force. `loss_runs` is what the model of loss has done until now.
  void start_epoch(const LossRuns& loss_runs) noexcept;

  /// Of the packets that arrived under the conditions in force, or under those of `epoch`.
  DirectionCounters& counters() noexcept { return since_change_; }
  DirectionCounters& counters(std::uint32_t epoch) noexcept { return epoch == epoch_ ? since_change_ : before_; }

  /// The number of the next packet that is admitted, or the first of the next `n`, for InFlight::sequence.
  std::uint64_t take_sequence(std::uint32_t n = 1) noexcept {
    return std::exchange(next_sequence_, next_sequence_ + n);
  }

  /// `n` wire packets of `bytes` bytes together.
  void arrived(std::uint32_t n, std::size_t bytes, TimePoint now) noexcept {
    since_change_.packets_in += n;
    since_change_.bytes_in += bytes;
    rate_in_.add(bytes, now);
  }
  /// `n` of those that arrive now are dropped, or of those that arrived under `epoch`.
  void dropped(DropReason reason, std::uint32_t n = 1) noexcept { dropped(reason, epoch_, n); }
  void dropped(DropReason reason, std::uint32_t epoch, std::uint32_t n) noexcept {
    counters(epoch).dropped[static_cast<std::size_t>(reason)] += n;
  }
  void entered_flight(const InFlight& packet) noexcept {
    packets_in_flight_ += packet.segments;
    bytes_in_flight_ += packet.wire_bytes;
  }
  /// One that was in flight is lost.
  void lost(const InFlight& packet, DropReason reason) noexcept {
    left_flight(packet);
    dropped(reason, packet.epoch, packet.segments);
  }
  /// One that was in flight was written.
  void left(const InFlight& packet, TimePoint now) noexcept;
  /// `n` that arrived left at once, without having been in flight.
  void passed(std::uint32_t n, std::size_t bytes, TimePoint now) noexcept;

  std::uint64_t packets_in_flight() const noexcept { return packets_in_flight_; }
  /// `loss_runs` as in start_epoch().
  DirectionStats stats(const LossRuns& loss_runs, TimePoint now) noexcept;

 private:
  void left_flight(const InFlight& packet) noexcept {
    packets_in_flight_ -= packet.segments;
    bytes_in_flight_ -= packet.wire_bytes;
  }
  void count_departure(DirectionCounters& counters, std::uint32_t n, std::size_t bytes, Duration lateness,
                       TimePoint now) noexcept;
  void count_order(DirectionCounters& counters, std::uint64_t sequence, std::uint32_t n) noexcept;

  DirectionCounters before_;  ///< of packets that arrived before the conditions last changed
  DirectionCounters since_change_;
  LossRuns loss_before_;  ///< the conditions last changed
  std::uint32_t epoch_ = 0;
  std::uint64_t packets_in_flight_ = 0;
  std::uint64_t bytes_in_flight_ = 0;
  std::uint64_t next_sequence_ = 0;
  ReorderingMeter reordering_;
  RateMeter rate_in_;
  RateMeter rate_out_;
};

}  // namespace wobble
