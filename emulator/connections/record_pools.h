// What the records of a table have outside themselves: blocks from pools, handed back when the record goes; and how
// many records are in each state.
//
// One thread. No allocation: the pools are as large as the table needs.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/close_list.h"
#include "emulator/connections/record_store.h"
#include "emulator/connections/tcp/mark_list.h"
#include "emulator/connections/tcp/sequence_ranges.h"
#include "emulator/connections/tcp/tcp_troubles.h"
#include "emulator/events/figures.h"

namespace wobble {

struct RecordPools {
  /// For so many records, and one that is made for the moment.
  explicit RecordPools(std::uint32_t records);

  /// One trouble more with what `role` sends; how many that is by now.
  std::uint32_t count(Record& record, Role role, Trouble what) noexcept {
    return troubles.count(record.tcp.of(role).troubles, what);
  }
  /// In by_client_state: one more or less, unless the record is leaving.
  void count_state(const Record& record, TcpState state, std::uint32_t by) noexcept {
    if (!record.is_leaving) by_client_state[static_cast<std::size_t>(state)] += by;
  }
  std::uint32_t payload_retransmissions(const Record& record, Role of) const noexcept;
  /// Copies that have arrived here, and have neither left nor been dropped.
  std::uint64_t in_flight(const Record& record) const noexcept;
  /// Up to the record's last segment.
  ConnectionFigures figures_of(const Record& record) const noexcept;
  /// The record gives back what it has, and counts in no state any more.
  void release(Record& record) noexcept;

  RangePool ranges;
  TroublePool troubles;
  MarkPool marks;
  ClosePool closes;
  std::array<std::uint32_t, kTcpStateCount> by_client_state{};  ///< of TCP
};

}  // namespace wobble
