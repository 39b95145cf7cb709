#include "emulator/link/direction_meter.h"

namespace wobble {

void DirectionMeter::start_epoch(const LossRuns& loss_runs) noexcept {
  ++epoch_;
  before_ += since_change_;
  since_change_ = {};
  loss_before_ = loss_runs;
}

void DirectionMeter::left(const InFlight& packet, TimePoint now) noexcept {
  left_flight(packet);
  DirectionCounters& counters = this->counters(packet.epoch);
  count_departure(counters, packet.segments, packet.wire_bytes, now - packet.release_at, now);
  if (packet.is_originated) return;
  counters.delay.add(packet.release_at - packet.arrived, packet.segments);
  if (packet.copy == 0) count_order(counters, packet.sequence, packet.segments);
}

void DirectionMeter::passed(std::uint32_t n, std::size_t bytes, TimePoint now) noexcept {
  count_departure(since_change_, n, bytes, Duration(0), now);
  since_change_.delay.add(Duration(0), n);
  count_order(since_change_, take_sequence(n), n);
}

void DirectionMeter::count_departure(DirectionCounters& counters, std::uint32_t n, std::size_t bytes, Duration lateness,
                                     TimePoint now) noexcept {
  counters.packets_out += n;
  counters.bytes_out += bytes;
  counters.lateness.add(lateness, n);
  rate_out_.add(bytes, now);
}

void DirectionMeter::count_order(DirectionCounters& counters, std::uint64_t sequence, std::uint32_t n) noexcept {
  for (std::uint32_t i = 0; i < n; ++i) count(counters.reordering, reordering_.depart(sequence + i));
}

DirectionStats DirectionMeter::stats(const LossRuns& loss_runs, TimePoint now) noexcept {
  DirectionStats stats;
  stats.since_change = since_change_;
  stats.since_change.loss_runs = {loss_runs.lost - loss_before_.lost, loss_runs.runs - loss_before_.runs};
  stats.total = before_;
  stats.total += since_change_;
  stats.total.loss_runs = loss_runs;
  stats.packets_in_flight = packets_in_flight_;
  stats.bytes_in_flight = bytes_in_flight_;
  stats.bits_per_second_in = rate_in_.bits_per_second(now);
  stats.bits_per_second_out = rate_out_.bits_per_second(now);
  return stats;
}

}  // namespace wobble
