// The tracker's short way for segments that only carry a stream on: it must do what the long way does, to the field, or
// leave the segment alone. Two trackers see the same random conversation; one of them may take the short way.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>
#include <tuple>

#include "emulator/connections/tcp/tcp_figures.h"
#include "emulator/connections/tcp/tcp_stream.h"
#include "emulator/connections/tcp/tcp_tracker.h"
#include "tests/connections/segment_text.h"

namespace {

using namespace wobble;
using namespace wobble::testing;
using namespace std::chrono_literals;

auto fields(const TcpEndpoint& x) {
  return std::tuple(x.state, x.closed_rule, x.seen, x.window_sent, x.iss, x.snd_max, x.una, x.fin_end, x.ack_sent,
                    x.rcv_nxt, x.right_edge, x.dup_acks_delivered, x.window_delivered, x.recovery,
                    bool(x.is_window_closed), bool(x.has_window));
}

struct Twin {  // one tracker and what it keeps
  Twin() { connection.opened_rule = Rule::syn; }
  RangePool ranges{1000};
  TroublePool troubles{1};
  TcpTracker tracker{ranges, troubles};
  TcpStream stream{ranges, troubles};
  TcpConnection connection;

  ConnectionFigures figures(TimePoint now) const {
    ConnectionFigures figures;
    fill_figures(figures, connection, troubles, now);
    return figures;
  }
};

class Twins {
 public:
  Twins(std::uint64_t seed, bool is_midstream) : random_(seed) {
    for (Twin* one : {&long_way_, &short_way_}) {
      one->connection.midstream = is_midstream;
      if (is_midstream) one->connection.opened_rule = Rule::midstream;
    }
    if (is_midstream) return;
    talk(Role::client, {kClientIsn, 0, 0, tcp_flag::kSyn, 60'000});
    talk(Role::server, {kServerIsn, kClientIsn + 1, 0, tcp_flag::kSyn | tcp_flag::kAck, 60'000});
    talk(Role::client, {kClientIsn + 1, kServerIsn + 1, 0, tcp_flag::kAck, 60'000});
  }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFailure(); ++i) {
      now_ += 1ms;
      chance(55) ? send(chance(70) ? Role::client : Role::server) : land();
      compare();
    }
  }
  int sent_short() const { return sent_short_; }
  int delivered_short() const { return delivered_short_; }

 private:
  static constexpr std::uint32_t kClientIsn = 0xffff'0000, kServerIsn = 0x7fff'ff00;  // both wrap, or change sign
  struct Flight {
    Role from;
    TcpSegment segment;
    TimePoint arrived;
  };

  bool chance(unsigned percent) { return random_() % 100 < percent; }

  void send(Role from) {
    const TcpEndpoint& x = long_way_.connection.of(from);
    TcpSegment s;
    const bool has_sent = x.has(TcpEndpoint::kHasSent);
    s.seq = has_sent ? x.snd_max : (from == Role::client ? kClientIsn : kServerIsn) + 1;
    s.ack = x.has(TcpEndpoint::kHasReceived) ? x.rcv_nxt : (from == Role::client ? kServerIsn : kClientIsn) + 1;
    s.flags = tcp_flag::kAck;
    s.window = 60'000;
    s.length = chance(80) ? static_cast<std::uint32_t>(1 + random_() % 1400) : 0;
    if (chance(20)) make_strange(s);
    post(from, s, chance(5));
  }

  void make_strange(TcpSegment& s) {
    switch (random_() % 11) {
      case 0: s.seq -= static_cast<std::uint32_t>(random_() % 5000); break;
      case 1: s.seq += static_cast<std::uint32_t>(random_() % 3000); break;
      case 2: s.ack -= static_cast<std::uint32_t>(random_() % 5000); break;
      case 3: s.ack += static_cast<std::uint32_t>(random_() % 5000); break;
      case 4: s.window = chance(50) ? 0 : static_cast<std::uint16_t>(random_()); break;
      case 5: s.flags |= tcp_flag::kPsh; break;
      case 6: s.flags |= tcp_flag::kSyn; break;
      case 7: s.flags = chance(50) ? tcp_flag::kRst : static_cast<std::uint16_t>(random_() & 0x1ff); break;
      case 8: s.seq -= 1, s.length = chance(50) ? 0 : 1; break;  // a keep-alive
      case 9: s.length = 0; break;
      default:
        if (chance(2)) s.flags |= tcp_flag::kFin;
    }
  }

  void post(Role from, const TcpSegment& s, bool is_lost) {
    const PacketBytes packet =
        from == Role::client ? tcp_packet(1, 40000, 0x101, 80, s) : tcp_packet(0x101, 80, 1, 40000, s);
    Steps steps, others;
    const Sending sending = long_way_.tracker.sent(long_way_.connection, from, packet.view, is_lost, now_, steps);
    if (!is_lost && short_way_.stream.sent(short_way_.connection, from, packet.view.tcp)) {
      ++sent_short_;
      EXPECT_EQ(steps.count, 0);
      EXPECT_FALSE(sending.retransmission || sending.is_close);
    } else {
      short_way_.tracker.sent(short_way_.connection, from, packet.view, is_lost, now_, others);
      EXPECT_EQ(others.count, steps.count);
    }
    if (!is_lost) flights_.push_back({from, s, now_});
  }

  void land() {
    if (flights_.empty()) return;
    const std::size_t which = chance(85) ? 0 : random_() % flights_.size();
    const Flight f = flights_[which];
    if (!chance(3)) flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(which));  // else it comes again
    Steps steps, others;
    const Role to = peer_of(f.from);
    long_way_.tracker.delivered(long_way_.connection, to, f.segment, f.arrived, now_, steps);
    if (short_way_.stream.delivered(short_way_.connection, to, f.segment)) {
      ++delivered_short_;
      EXPECT_EQ(steps.count, 0);
    } else {
      short_way_.tracker.delivered(short_way_.connection, to, f.segment, f.arrived, now_, others);
      EXPECT_EQ(others.count, steps.count);
    }
  }

  void talk(Role from, const TcpSegment& s) {
    post(from, s, false);
    while (!flights_.empty()) land();
  }

  void compare() {
    for (const Role role : {Role::client, Role::server})
      EXPECT_EQ(fields(long_way_.connection.of(role)), fields(short_way_.connection.of(role))) << to_string(role);
    EXPECT_EQ(long_way_.figures(now_), short_way_.figures(now_));
    EXPECT_EQ(long_way_.ranges.taken(), short_way_.ranges.taken());
  }

  std::mt19937_64 random_;
  Twin long_way_, short_way_;
  std::deque<Flight> flights_;
  TimePoint now_{1h};
  int sent_short_ = 0, delivered_short_ = 0;
};

void converse(bool is_midstream) {
  int sent = 0, delivered = 0;
  for (std::uint64_t seed = 1; seed <= 300 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Twins twins(seed, is_midstream);
    twins.run(400);
    sent += twins.sent_short();
    delivered += twins.delivered_short();
  }
  EXPECT_GT(sent, 5'000);  // or nothing was compared
  EXPECT_GT(delivered, 5'000);
}

TEST(Stream, TheShortWayDoesWhatTheLongWayDoes) { converse(false); }
TEST(Stream, AlsoOfAConnectionPickedUpInTheMiddle) { converse(true); }

}  // namespace
