#include "emulator/statistics/link_stats.h"

#include <algorithm>

namespace wobble {

ReorderingCounters& ReorderingCounters::operator+=(const ReorderingCounters& other) noexcept {
  packets += other.packets;
  reordered += other.reordered;
  extent_sum += other.extent_sum;
  extent_max = std::max(extent_max, other.extent_max);
  return *this;
}

LossRuns& LossRuns::operator+=(const LossRuns& other) noexcept {
  lost += other.lost;
  runs += other.runs;
  return *this;
}

DirectionCounters& DirectionCounters::operator+=(const DirectionCounters& other) noexcept {
  packets_in += other.packets_in;
  bytes_in += other.bytes_in;
  packets_out += other.packets_out;
  bytes_out += other.bytes_out;
  for (std::size_t i = 0; i < dropped.size(); ++i) dropped[i] += other.dropped[i];
  duplicated += other.duplicated;
  corrupted += other.corrupted;
  reordered += other.reordered;
  bad_checksum += other.bad_checksum;
  marked += other.marked;
  originated += other.originated;
  reordering += other.reordering;
  loss_runs += other.loss_runs;
  delay += other.delay;
  lateness += other.lateness;
  return *this;
}

}  // namespace wobble
