// A link for tests, in virtual time, whose output is cut into wire packets.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "emulator/link/link.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/super_packets.h"

namespace wobble {

/// Everything the table tells, each as a row of numbers that can be compared.
class Recorder final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened& e) noexcept override { note(e.id, e.at, 'o', e.ordinal); }
  void on(const Transition& e) noexcept override { note(e.id, e.at, e.side, e.to, e.row, e.segment.tcp.seq); }
  void on(const ConnectionClosed& e) noexcept override { note(e.id, e.at, e.end, e.closed_by); }
  void on(const SegmentRecord& e) noexcept override {
    note(e.id, e.sent_at, e.from, e.copy, e.retransmission, e.fate, e.drop, e.tcp.seq, e.tcp.length, e.tcp.flags);
    note(e.delivered_at == kNever ? TimePoint() : e.delivered_at);
  }
  std::vector<std::vector<std::int64_t>> told;

 private:
  static std::int64_t number(TimePoint time) { return time.time_since_epoch().count(); }
  template <typename T>
  static std::int64_t number(T value) {
    return static_cast<std::int64_t>(value);
  }
  template <typename... T>
  void note(T... values) {
    told.push_back({number(values)...});
  }
};

/// One wire packet as the receiver got it, and when.
struct Left {
  TimePoint at;
  Direction direction;
  super_packets::Bytes bytes;
  bool operator==(const Left&) const = default;
};

/// A second after a Bench was made.
inline constexpr TimePoint kBegin{std::chrono::seconds(2)};

class Bench {
 public:
  explicit Bench(std::uint64_t seed, std::size_t memory = std::size_t{256} << 20)
      : link({.seed = seed, .connections = {}, .memory_limit = memory, .memory = {}}, observer_,
             TimePoint(std::chrono::seconds(1))) {}

  void admit(const super_packets::Super& super, Side side, TimePoint now) {
    link.admit(super.bytes, super.offload, side, now);
  }

  /// Lets time pass, moment by moment.
  void run_until(TimePoint end) {
    while (link.next_due() <= end) release(std::max(link.next_due(), now_));
    release(end);
  }

  void release(TimePoint now) {
    now_ = now;
    link.advance(now);
    for (Direction d : {Direction::up, Direction::down}) {
      while (auto packet = link.pop_due(d, now)) {
        const auto bytes = packet->buffer.bytes();
        for (auto& wire : super_packets::cut({super_packets::Bytes(bytes.begin(), bytes.end()), packet->offload})) {
          left.push_back({packet->release_at, d, std::move(wire)});
        }
        link.complete(*packet, d, true, now);
      }
    }
  }

  static std::uint64_t dropped(const DirectionStats& s) {
    return std::accumulate(s.total.dropped.begin(), s.total.dropped.end(), std::uint64_t{0});
  }
  void expect_balance() {
    const LinkStats stats = link.stats(now_);
    for (const DirectionStats* s : {&stats.up, &stats.down}) {
      EXPECT_EQ(s->total.packets_in + s->total.duplicated + s->total.originated,
                s->total.packets_out + dropped(*s) + s->packets_in_flight);
    }
  }

  Recorder observer_;
  Link link;
  std::vector<Left> left;
  TimePoint now_{std::chrono::seconds(1)};
};

inline super_packets::Super plain(super_packets::Bytes bytes) {
  write_ipv4_header_checksum(bytes);
  return {packets::with_checksum(std::move(bytes)), {}};
}
/// A UDP packet over IPv4 with so many bytes of payload.
inline super_packets::Super datagram(std::size_t payload) {
  return plain(packets::ipv4(kUdp, packets::udp(1000, 2000, super_packets::Bytes(payload, 7))));
}

}  // namespace wobble
