// Anything at all: segments no stack sends, fates, losses in flight, leaps in time. Whatever happens, the table stays
// within its bound, ends what it opened exactly once, and each endpoint's transitions join up.
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <random>

#include "tests/connections/fragment_story.h"
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

class Chaos {
 public:
  Chaos(std::uint64_t seed, std::uint32_t capacity, std::uint32_t flood_rate = 0)
      : random_(seed), capacity_(capacity), table_(options(capacity, flood_rate), listener_) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      const std::uint64_t what = random_() % 100;
      if (what < 60) send();
      if (what >= 60 && what < 95) land();
      if (what >= 95 && what < 99) now_ += Duration(static_cast<std::int64_t>(random_() % 2'000'000'000));
      if (what == 99 && random_() % 10 == 0) now_ += std::chrono::seconds(random_() % 100'000);
      if (table_.next_due() <= now_) table_.advance(now_);
      ASSERT_LE(table_.size(), capacity_);
      if (what == 50) table_.follow(random_() % 500), table_.figures(random_() % 500);
    }
    table_.close_all(now_);
    check();
  }

 private:
  static ConnectionTableOptions options(std::uint32_t capacity, std::uint32_t flood_rate) {
    ConnectionTableOptions result = TableStory::options_with(capacity);
    result.flood_rate = flood_rate;
    return result;
  }
  struct Flight {
    PacketBytes packet;
    Side side;
    Fate fate;
    TimePoint arrived;
    ConnectionHandle connection;
    std::uint8_t copy;
  };

  // Mostly near what would be right, so that states are reached; sometimes anything.
  TcpSegment segment(Side side) {
    constexpr std::uint16_t kLikely[] = {0x02, 0x12, 0x10, 0x10, 0x10, 0x18, 0x11, 0x11, 0x04, 0x14};
    TcpSegment s;
    s.flags = random_() % 20 == 0 ? static_cast<std::uint16_t>(random_() & 0x1ff) : kLikely[random_() % 10];
    const std::uint32_t mine = side == Side::near ? 0xfffffffd : 0x7ffffffe;
    const std::uint32_t theirs = side == Side::near ? 0x7ffffffe : 0xfffffffd;
    const auto near_to = [&](std::uint32_t isn) {
      return random_() % 30 == 0 ? static_cast<std::uint32_t>(random_())
                                 : isn + static_cast<std::uint32_t>(random_() % 4);
    };
    s.seq = near_to(mine);
    s.ack = near_to(theirs);
    s.length = random_() % 3 == 0 ? static_cast<std::uint32_t>(random_() % 3) : 0;
    s.window = static_cast<std::uint16_t>(random_() % 4 == 0 ? random_() : 65535);
    return s;
  }

  PacketBytes packet(Side side) {
    const auto port = static_cast<std::uint16_t>(40000 + random_() % 12);
    const std::uint64_t kind = random_() % 30;
    const bool is_near = side == Side::near;
    if (kind == 0) return is_near ? udp_packet(1, port, 0x101, 53) : udp_packet(0x101, 53, 1, port);
    if (kind == 1) return PacketBytes(ip_packet(kUdp, 1, 2, std::vector<std::uint8_t>(16), 99));
    if (kind <= 4) return fragment(side, port);
    std::vector<std::uint8_t> options;
    if (random_() % 2 == 0) options = {3, 3, static_cast<std::uint8_t>(random_()), 1};
    return is_near ? tcp_packet(1, port, 0x101, 80, segment(side), options)
                   : tcp_packet(0x101, 80, 1, port, segment(side), options);
  }

  // Of a few datagrams, one part or another, and sometimes cut elsewhere, so that all kinds of them come about.
  PacketBytes fragment(Side side, std::uint16_t port) {
    TcpSegment s = segment(side);
    s.length = 40;
    const bool is_near = side == Side::near;
    const PacketBytes whole = random_() % 4 == 0 ? udp_packet(1, port, 0x101, 53, 52)
                              : is_near          ? tcp_packet(1, port, 0x101, 80, s)
                                                 : tcp_packet(0x101, 80, 1, port, s);
    const std::size_t first = random_() % 20 == 0 ? 16 : 24;
    return cut(whole, static_cast<std::uint16_t>(random_() % 3), {first, 40})[random_() % 3];
  }

  void send() {
    const Side side = random_() % 2 == 0 ? Side::near : Side::far;
    Flight flight{packet(side), side, {}, now_, {}, 0};
    Fate& fate = flight.fate;
    fate.copies = random_() % 10 == 0 ? 2 : 1;
    fate.corrupted = random_() % 10 == 0;
    fate.reordered = random_() % 10 == 0;
    for (std::size_t copy = 0; copy < fate.copies; ++copy) {
      fate.release_at[copy] = now_ + Duration(static_cast<std::int64_t>(random_() % 1000));
      if (random_() % 8 == 0) fate.lost[copy] = DropReason::loss;
    }
    fate.dropped = fate.lost[0];
    flight.connection = table_.arrive(flight.packet.view, side, now_).connection;
    ASSERT_LE(table_.size(), capacity_);
    table_.sent(flight.connection, flight.packet.view, side, fate, now_);
    for (; flight.copy < fate.copies; ++flight.copy) {
      if (fate.lost[flight.copy] == DropReason::none) flights_.push_back(flight);
    }
    now_ += Duration(static_cast<std::int64_t>(random_() % 3'000'000));
  }

  void land() {
    if (flights_.empty()) return;
    const std::size_t which = random_() % std::min<std::size_t>(flights_.size(), 4);
    const Flight f = flights_[which];
    flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(which));
    if (random_() % 20 == 0) {
      table_.lost(f.connection, f.packet.view, f.side, f.arrived, DropReason::outage, f.copy, now_);
    } else {
      table_.delivered(f.connection, f.packet.view, f.side, f.arrived, f.fate, f.copy, now_);
    }
  }

  void check() const {
    EXPECT_EQ(table_.size(), 0u);
    EXPECT_EQ(table_.next_due(), kNever);
    std::map<ConnectionId, int> ended;
    for (const ConnectionClosed& c : listener_.closed) ++ended[c.id];
    EXPECT_EQ(ended.size(), listener_.opened.size());
    for (const ConnectionReopened& r : listener_.reopened) --ended[r.id];
    for (const auto& [id, times] : ended) ASSERT_EQ(times, 1) << "connection " << id;
    std::map<std::pair<ConnectionId, Role>, TcpState> at;
    for (const Transition& t : listener_.transitions) {
      ASSERT_TRUE(ended.contains(t.id));
      TcpState& state = at[{t.id, t.side}];
      ASSERT_EQ(t.from, state) << "connection " << t.id << ", row " << name_of(t.row);
      ASSERT_NE(t.from, t.to);
      ASSERT_EQ(t.has_segment, t.evidence != Evidence::timer);
      state = t.to;
    }
    EXPECT_GT(listener_.transitions.size(), 100u);
  }

  std::mt19937_64 random_;
  std::uint32_t capacity_;
  Listener listener_;
  ConnectionTable table_;
  TimePoint now_{1h};
  std::deque<Flight> flights_;
};

TEST(RandomTraffic, KeepsTheTablesPromises) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos(seed, seed % 3 == 0 ? 3 : 64).run(10'000);
    if (::testing::Test::HasFailure()) return;
  }
}

// In a flood from the first SYN on: what is told of the others joins up all the same.
TEST(RandomTraffic, InAFlood) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos(seed, seed % 3 == 0 ? 3 : 64, 1).run(10'000);
    if (::testing::Test::HasFailure()) return;
  }
}

// Every state of both endpoints is reached by chance, so the promises above were put to the test.
TEST(RandomTraffic, ATableOfOneRecord) { Chaos(99, 1).run(20'000); }

}  // namespace
