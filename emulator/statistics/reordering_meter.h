// How much the packets that leave are out of the order in which they arrived (RFC 4737), measured as they leave.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/statistics/link_stats.h"

namespace wobble {

/// Sees the packets of one direction in the order of departure, each by its number in the order of arrival. Packets in
/// order cost a comparison; what is remembered of them, to find how far back a late one would have stood, are the runs
/// of consecutive numbers, the last kRuns.
class ReorderingMeter {
 public:
  static constexpr std::size_t kRuns = 1024;

  ReorderingMeter() { runs_.reserve(kRuns); }  // nothing is allocated as packets leave

  /// What a departure is: in order, or late by `extent` packets (RFC 4737 4.2.1: how many have left since the earliest
  /// one that had arrived later).
  struct Departure {
    bool is_reordered = false;
    std::uint64_t extent = 0;
  };
  Departure depart(std::uint64_t sequence) noexcept;

 private:
  struct Run {  // left in order and without a gap
    std::uint64_t sequence;
    std::uint64_t position;
    std::uint64_t length;
  };
  void begin_run(std::uint64_t sequence) noexcept;
  std::uint64_t first_later(std::uint64_t sequence) const noexcept;

  std::uint64_t next_expected_ = 0;
  std::uint64_t position_ = 0;  ///< how many have left
  std::vector<Run> runs_;       ///< a ring once it has kRuns
  std::size_t oldest_ = 0;
  std::size_t last_ = 0;  ///< the run that grows
};

inline void count(ReorderingCounters& counters, const ReorderingMeter::Departure& departure) noexcept {
  ++counters.packets;
  if (!departure.is_reordered) return;
  ++counters.reordered;
  counters.extent_sum += departure.extent;
  if (departure.extent > counters.extent_max) counters.extent_max = departure.extent;
}

}  // namespace wobble
