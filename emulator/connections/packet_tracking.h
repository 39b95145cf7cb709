// What a packet does to its record: what is counted of any, what a TCP segment shows to the tracker, and what is
// reported of that.
//
// One thread. No allocation. All that it is made with must outlive it.
#pragma once

#include <cstdint>

#include "emulator/connections/connection_reports.h"
#include "emulator/connections/flood_control.h"
#include "emulator/connections/record_pools.h"
#include "emulator/connections/tcp/tcp_stream.h"
#include "emulator/connections/tcp/tcp_tracker.h"
#include "emulator/packet/icmp_error.h"

namespace wobble {

class PacketTracking {
 public:
  PacketTracking(RecordPools& pools, ConnectionReports& reports, FloodControl& floods)
      : pools_(pools),
        reports_(reports),
        floods_(floods),
        tracker_(pools.ranges, pools.troubles),
        stream_(pools.ranges, pools.troubles) {}

  static std::uint32_t payload_size(const PacketView& packet) noexcept;

  /// A packet of `from` has arrived: its number in its direction, from 0.
  std::uint64_t arrive(Record& record, const PacketView& packet, Role from) noexcept;
  /// Its fate is decided. True if any row applied.
  bool send(Record& record, const PacketView& packet, Side side, const Fate& fate, TimePoint now) noexcept;
  /// A copy has left towards the other side. True if any row applied.
  bool deliver(Record& record, const PacketView& packet, Side arrived_on, TimePoint arrived, const Fate& fate,
               std::uint8_t copy, TimePoint now) noexcept;
  /// A copy that was on its way is lost.
  void lose(Record& record, const PacketView& packet, Side arrived_on, TimePoint arrived, DropReason reason,
            std::uint8_t copy) noexcept;

  /// deliver() of a segment of a plain fate for less, and what the rest of a super-packet does: see ConnectionTable.
  bool deliver_on(Record& record, const TcpSegment& segment, std::uint32_t length, Side arrived_on,
                  TimePoint arrived) noexcept;
  void arrive_rest(Record& record, const PacketView& rest, std::uint32_t n, Side side) noexcept;
  bool send_rest(Record& record, const PacketView& rest, Side side) noexcept;
  bool deliver_rest(Record& record, const PacketView& rest, std::uint32_t n, Side arrived_on,
                    TimePoint arrived) noexcept;

  // The halves of send(), deliver() and lose(), for what comes in fragments: what is counted of any packet, and what a
  // TCP segment shows.
  void count_fate(Record& record, Role from, const Fate& fate) noexcept;
  /// True if any row applied.
  bool track_sent(Record& record, const PacketView& packet, Role from, const Fate& fate, TimePoint now) noexcept;
  void count_delivery(Record& record, const PacketView& packet, Role from, TimePoint arrived,
                      std::uint8_t copy) noexcept;
  /// True if any row applied.
  bool track_delivered(Record& record, const PacketView& packet, Role from, TimePoint arrived, const Fate& fate,
                       std::uint8_t copy, TimePoint now) noexcept;
  void track_lost(Record& record, const TcpSegment& segment, Role from, TimePoint arrived, DropReason reason,
                  std::uint8_t copy) noexcept;

  /// An ICMP error was released to `who`, about a segment of its own. True if a state has changed.
  bool icmp_error(Record& record, Role who, const IcmpError& error, TimePoint now) noexcept;
  /// A packet of `from` came with a bad checksum.
  void bad_checksum(Record& record, Role from) noexcept;

 private:
  /// Whether there is something to report of a segment of `from`, that arrived then, when it lands, whatever it is.
  bool is_awaited(const Record& record, Role from, TimePoint arrived) const noexcept {
    return record.budget.follow || record.budget.others < kMaxOtherSegments || record.is_leaving ||
           record.closes.count > 0 || pools_.marks.has_until(record.tcp.of(from).marks, arrived);
  }
  void note_answer(const Record& record) noexcept;
  void report_lost_copies(Record& record, const PacketView& packet, Role from, const Fate& fate, const Sending& sending,
                          bool is_notable, TimePoint now) noexcept;

  RecordPools& pools_;
  ConnectionReports& reports_;
  FloodControl& floods_;
  TcpTracker tracker_;
  TcpStream stream_;
};

}  // namespace wobble
