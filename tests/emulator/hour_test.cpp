// An hour in virtual time: TCP and UDP over IPv4 and IPv6, super-packets, fragments, nonsense, and every impairment
// changing at random. Nothing leaks, nothing stalls, nothing is late, nothing is counted wrongly.
//
// The link is served at the very moments that it asks for with next_due(), and nowhere else but at arrivals: so a timer
// that it forgot to arm shows as a packet that leaves after its time, or never.
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <random>
#include <tuple>

#include "api/conditions/conditions_check.h"
#include "emulator/link/link.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/any_conditions.h"
#include "tests/emulator/super_packets.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;
using super_packets::Bytes;
using super_packets::Super;

class Listener final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override { ++opened; }
  void on(const Transition&) noexcept override {}
  void on(const ConnectionClosed&) noexcept override { ++closed; }
  void on_reopened(const ConnectionReopened&) noexcept override { --closed; }
  void on(const SegmentRecord&) noexcept override {}
  void on_exhausted(const MemoryExhausted&) noexcept override { ++exhausted; }
  std::uint64_t opened = 0;
  std::uint64_t closed = 0;
  std::uint64_t exhausted = 0;
};

LinkOptions options_of(std::uint64_t seed) {
  LinkOptions options;
  options.seed = seed;
  options.connections.capacity = 24;  // fewer than there are flows: some are evicted
  options.memory_limit = std::size_t{96} << 10;
  return options;
}

/// The other way: the sums over addresses and ports stay what they are.
void turn_around(Bytes& bytes) {
  const bool is_v6 = bytes[0] >> 4 == 6;
  const std::size_t at = is_v6 ? 8 : 12, size = is_v6 ? 16 : 4, ports = is_v6 ? 40 : 20;
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  const auto middle = begin + static_cast<std::ptrdiff_t>(size);
  std::swap_ranges(begin, middle, middle);
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(ports);
  std::swap_ranges(first, first + 2, first + 2);
}

class Hour {
 public:
  Hour(std::uint64_t seed, bool may_reorder)
      : random_(seed),
        conditions_(seed, may_reorder),
        may_reorder_(may_reorder),
        link_(options_of(seed), listener_, kBegin) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::size_t payload = i % 4 == 0 ? random_() % 20'000 : random_() % 1400;
      patterns_.push_back(super_packets::make(random_, i % 2 == 0, i % 3 != 0, payload, 1300));
    }
  }

  void run() {
    TimePoint arrival = kBegin, change = kBegin;
    Duration gap = 1ms;
    while (now_ < kBegin + 1h) {
      const TimePoint next = std::min({arrival, change, link_.next_due()});
      ASSERT_GE(next, now_);
      now_ = next;
      release();
      if (next == change) {
        ASSERT_NO_FATAL_FAILURE(change_conditions());
        change = now_ + Duration(random_() % 20'000'000'000);
        gap = random_() % 4 == 0 ? 40ms : 400ms;
      }
      if (next == arrival) {
        admit();
        arrival = now_ + Duration(random_() % static_cast<std::uint64_t>(2 * gap.count()));
      }
      release();
      if (++steps_ % 16 == 0) expect_balance();
      if (testing::Test::HasFailure()) return;
    }
    finish();
  }

  Listener listener_;

 private:
  static constexpr TimePoint kBegin{10s};

  void change_conditions() {
    const LinkConditions c = conditions_.link();
    const std::vector<api::FieldError> errors = api::validate(c);
    ASSERT_TRUE(errors.empty()) << errors[0].pointer << " " << errors[0].detail;
    if (random_() % 40 == 0) {
      link_.reset(now_);
    } else {
      link_.apply(c, now_);
    }
  }

  void admit() {
    const Side side = random_() % 2 == 0 ? Side::near : Side::far;
    Super super = any_packet();
    if (side == Side::far) turn_around(super.bytes);
    if (random_() % 100 == 0) super.bytes.resize(random_() % super.bytes.size());  // headers that lie
    if (super.bytes.empty() || random_() % 3 == 0) return link_.admit(super.bytes, super.offload, side, now_);
    // As the forwarder does: read into a buffer of the link's.
    PacketBuffer buffer = link_.buffer_to_read_into();
    if (!buffer) return link_.admit(super.bytes, super.offload, side, now_);
    std::copy(super.bytes.begin(), super.bytes.end(), buffer.bytes().begin());
    const auto bytes = buffer.bytes().first(super.bytes.size());
    link_.admit(bytes, super.offload, side, now_, std::move(buffer));
  }

  Super any_packet() {
    Super super = patterns_[random_() % patterns_.size()];
    const bool is_v6 = super.bytes[0] >> 4 == 6, is_tcp = super.offload.kind == Offload::Kind::tcp;
    super.bytes[is_v6 ? 41 : 21] =
        static_cast<std::uint8_t>(random_() % 10);              // its source port; the sum is of the rest
    if (random_() % 4 == 0) super.bytes[1] = is_v6 ? 0x20 : 2;  // ECT(0)
    if (!is_v6 && random_() % 2 == 0) super.bytes[6] = 0x40;    // not to be fragmented
    if (is_tcp && random_() % 8 == 0) super.bytes[is_v6 ? 53 : 33] = random_() % 4 == 0 ? 4 : 2;  // RST, SYN
    if (!is_v6) write_ipv4_header_checksum(super.bytes);
    return super;
  }

  void release() {
    // The connections' timers take turns, each of bounded work.
    for (int turn = 0; turn == 0 || link_.next_due() <= now_; ++turn) {
      ASSERT_LT(turn, 1000) << "it asks for the same moment again and again";
      link_.advance(now_);
      for (const Direction d : {Direction::up, Direction::down}) {
        while (const auto packet = link_.pop_due(d, now_)) {
          ASSERT_EQ((packet->release_at - now_).count(), 0) << "of a timer that was not armed";
          if (!may_reorder_) expect_order(*packet, d);
          link_.complete(*packet, d, random_() % 200 != 0, now_);
        }
      }
    }
  }

  /// Of its connection; a duplicate is not before its original.
  void expect_order(const InFlight& packet, Direction direction) {
    if (!packet.connection || packet.is_originated) return;
    std::uint64_t& last = last_[{direction, packet.connection.index, packet.connection.generation}];
    ASSERT_GE(packet.sequence, last);
    last = packet.sequence + packet.segments - 1;
  }

  void expect_balance() {
    const LinkStats stats = link_.stats(now_);
    for (const DirectionStats* s : {&stats.up, &stats.down}) {
      const DirectionCounters& t = s->total;
      const std::uint64_t dropped = std::accumulate(t.dropped.begin(), t.dropped.end(), std::uint64_t{0});
      ASSERT_EQ(t.packets_in + t.duplicated + t.originated, t.packets_out + dropped + s->packets_in_flight);
      ASSERT_EQ(t.lateness.max(), 0ns);
    }
    if (stats.up.packets_in_flight + stats.down.packets_in_flight == 0) {
      ASSERT_EQ(link_.memory_in_use(), 0u) << "buffers come back";
    } else {
      ASSERT_NE(link_.next_due(), kNever);
    }
  }

  void finish() {
    link_.apply({}, now_);
    while (link_.stats(now_).up.packets_in_flight + link_.stats(now_).down.packets_in_flight > 0) {
      ASSERT_NE(link_.next_due(), kNever);
      now_ = link_.next_due();
      ASSERT_NO_FATAL_FAILURE(release());
    }
    expect_balance();
    const LinkStats stats = link_.stats(now_);
    EXPECT_EQ(stats.up.bytes_in_flight + stats.down.bytes_in_flight, 0u);
    EXPECT_EQ(link_.memory_in_use(), 0u);
    link_.connections().close_all(now_);
    EXPECT_EQ(listener_.opened, listener_.closed);
    EXPECT_EQ(link_.next_due(), kNever) << "nothing waits, so nothing is due";
    expect_all_was_met(stats);
  }

  /// Else the hour has shown nothing.
  void expect_all_was_met(const LinkStats& stats) const {
    for (const DirectionStats* s : {&stats.up, &stats.down}) {
      const DirectionCounters& t = s->total;
      for (std::size_t i = 1; i < kDropReasonCount; ++i) {
        EXPECT_GT(t.dropped[i], 0u) << to_string(static_cast<DropReason>(i));
      }
      EXPECT_GT(t.duplicated, 100u);
      EXPECT_GT(t.corrupted, 100u);
      EXPECT_GT(t.originated, 100u);
      EXPECT_EQ(t.reordered > 0, may_reorder_);
    }
    EXPECT_GT(stats.up.total.marked + stats.down.total.marked, 0u);
    EXPECT_GT(listener_.exhausted, 0u);
    EXPECT_GT(listener_.opened, 50u);
  }

  std::mt19937_64 random_;
  AnyConditions conditions_;
  bool may_reorder_;
  Link link_;
  std::vector<Super> patterns_;
  TimePoint now_ = kBegin;
  std::uint64_t steps_ = 0;
  std::map<std::tuple<Direction, std::uint32_t, std::uint32_t>, std::uint64_t> last_;
};

TEST(AnHour, NothingLeaksOrStallsOrOvertakesUnasked) {
  for (const std::uint64_t seed : {1, 2}) {
    SCOPED_TRACE(seed);
    Hour(seed, false).run();
    if (HasFailure()) return;
  }
}

TEST(AnHour, AlsoWithReordering) {
  for (const std::uint64_t seed : {11, 12}) {
    SCOPED_TRACE(seed);
    Hour(seed, true).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace wobble
