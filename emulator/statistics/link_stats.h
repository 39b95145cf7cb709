// What a link reports of itself: one consistent snapshot, taken between two packets.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/events/event.h"
#include "emulator/events/fate.h"
#include "emulator/statistics/histogram.h"
#include "emulator/time.h"

namespace wobble {

/// Reordering as it was delivered (RFC 4737): of the packets that left, copies apart, how many came behind one that had
/// arrived later (3.3), and by how many packets each was late (the extent, 4.2.1; of one that was late by more than
/// ReorderingMeter remembers, at least).
struct ReorderingCounters {
  std::uint64_t packets = 0;
  std::uint64_t reordered = 0;
  std::uint64_t extent_sum = 0;
  std::uint64_t extent_max = 0;

  ReorderingCounters& operator+=(const ReorderingCounters& other) noexcept;
};

/// What the model of loss has chosen, to be lost or, with ecn, marked, and in how many runs of packets that came one
/// after the other: of the direction, or, of a model with `per` connection, of each connection. lost / runs is the mean
/// length of a burst.
struct LossRuns {
  std::uint64_t lost = 0;
  std::uint64_t runs = 0;

  LossRuns& operator+=(const LossRuns& other) noexcept;
};

/// Counters of one direction. It always holds, to the packet:
///   packets_in + duplicated + originated = packets_out + sum(dropped) + packets_in_flight.
struct DirectionCounters {
  std::uint64_t packets_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t packets_out = 0;
  std::uint64_t bytes_out = 0;
  std::array<std::uint64_t, kDropReasonCount> dropped{};  ///< by DropReason
  std::uint64_t duplicated = 0;                           ///< copies made
  std::uint64_t corrupted = 0;
  std::uint64_t reordered = 0;
  /// Of packets_in: TCP segments and ICMP messages, of a connection or not, that came with a wrong checksum, their own
  /// or their IPv4 header's. They are forwarded as they are, and change no state.
  std::uint64_t bad_checksum = 0;
  std::uint64_t marked = 0;      ///< congestion experienced (RFC 3168), by the queue's discipline or by loss with ecn
  std::uint64_t originated = 0;  ///< made by the link itself: ICMP errors, resets, fragments beyond a packet's first
  ReorderingCounters reordering;
  LossRuns loss_runs;
  Histogram delay;     ///< asked of each released packet: release_at − arrival
  Histogram lateness;  ///< how much later it left than asked: never below 0

  DirectionCounters& operator+=(const DirectionCounters& other) noexcept;
};

struct DirectionStats {
  DirectionCounters total;         ///< since the link was made
  DirectionCounters since_change;  ///< packets that arrived since the conditions last changed
  std::uint64_t packets_in_flight = 0;
  std::uint64_t bytes_in_flight = 0;
  double bits_per_second_in = 0;  ///< over the last whole second
  double bits_per_second_out = 0;
};

struct LinkStats {
  DirectionStats up;
  DirectionStats down;
  TimePoint at;
  TimePoint changed_at;           ///< when the conditions last changed
  std::uint32_t step = 0;         ///< of the scenario, from 1; 0: there is none
  TimePoint step_ends = kNever;   ///< when the next one begins
  std::uint32_t connections = 0;  ///< records in the table, other flows included
  std::uint32_t by_client_state[kTcpStateCount] = {};
  std::uint64_t events_lost = 0;
};

}  // namespace wobble
