// What the observer is told of connections, in the order in which it happened: openings, transitions, segments within
// their bounds, ends. While a flood is on, the first of that is withheld until the connection proves worth it.
//
// One thread. No allocation per call. All that it is made with must outlive it.
#pragma once

#include <array>
#include <cstdint>
#include <variant>

#include "emulator/connections/connection_table.h"
#include "emulator/connections/flood_control.h"
#include "emulator/connections/half_open.h"
#include "emulator/connections/record_pools.h"
#include "emulator/connections/record_store.h"
#include "emulator/connections/tcp/steps.h"
#include "emulator/lazy_array.h"

namespace wobble {

/// How many segments of one connection are reported: those that tell its story; the first of the others; all of one
/// that somebody follows.
inline constexpr std::uint16_t kMaxNotableSegments = 1000;
inline constexpr std::uint16_t kMaxOtherSegments = 16;
inline constexpr std::uint16_t kMaxFollowedSegments = 20'000;

/// A copy of a segment whose fate is sealed.
struct Landing {
  const TcpSegment& tcp;
  Role from;
  std::uint8_t copy;
  bool retransmission;
  bool notable;
  FateWord fate;
  DropReason drop;
  TimePoint sent_at;
  TimePoint delivered_at;
};

class ConnectionReports {
 public:
  /// For the records of `store`.
  ConnectionReports(ConnectionObserver& observer, const RecordStore& store, RecordPools& pools, FloodControl& floods)
      : observer_(observer),
        store_(store),
        pools_(pools),
        floods_(floods),
        withheld_(std::size_t{store.capacity()} + 1) {}

  void report_opened(const Record& record, std::uint32_t ordinal, TimePoint at) noexcept;
  void report_opened(const HalfOpen& entry) noexcept;
  /// The changes among `steps`, each with the `segment` that made it, if it was one. Counts the states.
  void report_steps(Record& record, const Steps& steps, const SegmentSummary* segment, TimePoint now) noexcept;
  /// Nothing if as many of its kind were reported of this connection as may be.
  void report_segment(Record& record, const Landing& landing) noexcept;
  /// Once for each record, until it is reopened: its end, or that it came to nothing if it is withheld.
  void report_end(Record& record, End end, TimePoint now) noexcept;
  void report_reopened(Record& record, TimePoint now) noexcept;
  /// The figures of a record that goes, if anything was counted since its end was reported.
  void report_late(const Record& record, TimePoint now) noexcept;

  /// Of a record that was opened while a flood was on: nothing is reported before its handshake is complete, or there
  /// is more than is kept, and then all of it is.
  void withhold(Record& record, std::uint32_t ordinal, TimePoint opened_at) noexcept;
  /// What is being done was reported before, or it was not.
  void mute(bool is_muted) noexcept { is_muted_ = is_muted; }
  bool is_muted() const noexcept { return is_muted_; }

 private:
  /// Of a record that is withheld: SYN, SYN-ACK and what ends it by RST or by time.
  struct Withheld {
    TimePoint opened_at{};
    std::uint32_t ordinal = 0;
    std::uint32_t count = 0;
    std::array<std::variant<Transition, SegmentRecord>, 7> events;
  };

  template <typename Event>
  void report(Record& record, const Event& event) noexcept;
  void report_withheld(Record& record) noexcept;
  void note_established(Record& record, const Step& step) noexcept;

  ConnectionObserver& observer_;
  const RecordStore& store_;
  RecordPools& pools_;
  FloodControl& floods_;
  LazyArray<Withheld> withheld_;  ///< of each record
  bool is_muted_ = false;
};

}  // namespace wobble
