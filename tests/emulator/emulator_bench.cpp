// What one packet costs in each part of the core, in virtual time: ./dev bench runs it.

#include <benchmark/benchmark.h>

#include <bit>
#include <vector>

#include "emulator/chance/random.h"
#include "emulator/link/link.h"
#include "emulator/link/pipeline.h"
#include "emulator/packet/joined_packet.h"
#include "emulator/packet/packet.h"
#include "emulator/packet/packet_checksum.h"
#include "emulator/queue/release_queue.h"
#include "tests/emulator/packets.h"

namespace {

using namespace wobble;
using namespace wobble::packets;
using namespace std::chrono_literals;

void parse(benchmark::State& state, const Bytes& bytes) {
  PacketView view;
  for (auto _ : state) {
    benchmark::DoNotOptimize(parse_packet(bytes, view));
    benchmark::DoNotOptimize(view);
  }
  state.SetItemsProcessed(state.iterations());
}

const Bytes kSegment = tcp(40112, 80, 1, 2, tcp_flag::kAck, Bytes(1400, 7), {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2});

void parse_ipv4_tcp(benchmark::State& state) { parse(state, ipv4(kTcp, kSegment)); }
BENCHMARK(parse_ipv4_tcp);

/// What a segment costs besides that comes without the kernel's word for its checksum.
void checksum_of_full_segment(benchmark::State& state) {
  const Bytes packet = with_checksum(ipv4(kTcp, kSegment));
  PacketView view;
  parse_packet(packet, view);
  for (auto _ : state) benchmark::DoNotOptimize(is_checksum_right(view));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(checksum_of_full_segment);

void parse_ipv6_tcp(benchmark::State& state) { parse(state, ipv6(kTcp, kSegment)); }
BENCHMARK(parse_ipv6_tcp);

void checksum_of_1400_bytes(benchmark::State& state) {
  const Bytes bytes = with_checksum(ipv4(kTcp, kSegment));
  PacketView view;
  parse_packet(bytes, view);
  for (auto _ : state) benchmark::DoNotOptimize(is_checksum_right(view));
}
BENCHMARK(checksum_of_1400_bytes);

void draw_normal(benchmark::State& state) {
  const RandomStream stream(1);
  std::uint64_t k = 0;
  for (auto _ : state) benchmark::DoNotOptimize(normal_offset(stream.at(k++), 1'000'000));
}
BENCHMARK(draw_normal);

DirectionConditions every_stage() {
  DirectionConditions c;
  c.delay = {20ms, 5ms, Distribution::normal, false};
  c.loss.model = RandomLoss{Probability::percent(1)};
  c.duplicate.probability = Probability::percent(1);
  c.corrupt.probability = Probability::percent(1);
  c.reorder = {Probability::percent(1), 3, {}};
  c.rate = 10'000'000'000;
  c.outage.up_for = 10s;
  c.outage.down_for = 1s;
  return c;
}

void pipeline_with_every_stage(benchmark::State& state) {
  Pipeline pipeline(Direction::up, 1);
  TimePoint now{1h};
  pipeline.configure(every_stage(), now);
  std::uint64_t k = 0;
  for (auto _ : state) {
    now += 2us;
    benchmark::DoNotOptimize(pipeline.admit({{}, k & 63, k >> 6}, 1500, now));
    ++k;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(pipeline_with_every_stage);

/// Keeps `in_flight` packets queued, a microsecond apart, and each turn takes one out and puts one in, with up to
/// `spread` of disorder.
void release_queue(benchmark::State& state, Duration spread) {
  const std::int64_t in_flight = state.range(0);
  const RandomStream stream(1);
  ReleaseQueue queue;
  std::int64_t k = 0;
  const auto push = [&] {
    InFlight p;
    p.arrived = TimePoint(k * 1us);
    p.release_at = TimePoint((k + in_flight) * 1us) + Duration(stream.at(k) % (spread.count() + 1));
    ++k;
    queue.push(std::move(p));
  };
  while (k < in_flight) push();
  for (auto _ : state) {
    push();
    benchmark::DoNotOptimize(queue.pop_due(kNever));
  }
  state.SetItemsProcessed(state.iterations());
}
void release_queue_in_order(benchmark::State& state) { release_queue(state, Duration(0)); }
BENCHMARK(release_queue_in_order)->Arg(20'000)->Arg(1'000'000);
void release_queue_with_jitter(benchmark::State& state) { release_queue(state, 5ms); }
BENCHMARK(release_queue_with_jitter)->Arg(20'000)->Arg(1'000'000);

class Deaf final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override {}
  void on(const Transition&) noexcept override {}
  void on(const ConnectionClosed&) noexcept override {}
  void on(const SegmentRecord&) noexcept override {}
};

/// A link whose upward direction is fed full segments, one every two microseconds, and drained.
class Traffic {
 public:
  explicit Traffic(const DirectionConditions& up) : link_(options(), observer_, now_) {
    LinkConditions conditions;
    conditions.up = up;
    link_.apply(conditions, now_);
  }

  void pass(const Bytes& bytes, Side side = Side::near) {
    pass(bytes, side, [](const InFlight&) {});
  }
  /// `see` is shown what comes out.
  template <typename See>
  void pass(const Bytes& bytes, Side side, const See& see) {
    now_ += 2us;
    Offload offload;
    offload.is_checksum_verified = true;  // as nearly every packet comes: see checksum_of_full_segment
    link_.admit(bytes, offload, side, now_);
    link_.advance(now_);
    for (const Direction d : {Direction::up, Direction::down}) {
      while (auto packet = link_.pop_due(d, now_)) {
        see(*packet);
        link_.complete(*packet, d, true, now_);
      }
    }
  }
  std::uint64_t in_flight() { return link_.stats(now_).up.packets_in_flight; }

 private:
  static LinkOptions options() {
    LinkOptions options;
    options.memory_limit = std::size_t{8} << 30;
    return options;
  }
  Deaf observer_;
  TimePoint now_{1h};
  Link link_;
};

void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i)
    bytes[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// A sender of full segments and their receiver, as far as they matter to the link: what does not come is sent again
/// after a while, and what came is acknowledged as far as it is whole.
class Stream {
 public:
  /// `patience` in turns, a power of two.
  Stream(Traffic& traffic, std::size_t payload, std::size_t patience)
      : traffic_(traffic), payload_(static_cast<std::uint32_t>(payload)), in_doubt_(patience), came_(4 * patience) {
    data_ = ipv4(kTcp, tcp(40112, 80, 1, 1, tcp_flag::kAck, Bytes(payload, 7), kOptions));
    ack_ = ipv4(kTcp, tcp(80, 40112, 1, 1, tcp_flag::kAck, {}, kOptions));
    for (std::size_t i = 0; i < 4; ++i) std::swap(ack_[12 + i], ack_[16 + i]);
  }

  /// A segment is sent, and so many microseconds pass; every 32nd time an acknowledgement as well.
  void turn() {
    std::uint64_t& oldest = in_doubt_[turns_ & (in_doubt_.size() - 1)];
    const bool is_again = turns_ >= in_doubt_.size() && oldest >= whole_ && !came(oldest);
    const std::uint64_t segment = is_again ? oldest : next_++;
    oldest = segment;
    if (!is_again) came(segment) = 0;
    put32(data_, 24, 1 + static_cast<std::uint32_t>(segment) * payload_);
    pass(data_, Side::near);
    if (++turns_ % 32 != 0) return;
    put32(ack_, 28, 1 + static_cast<std::uint32_t>(whole_) * payload_);
    pass(ack_, Side::far);
  }

 private:
  void pass(const Bytes& bytes, Side side) {
    traffic_.pass(bytes, side, [this](const InFlight& packet) {
      const auto b = packet.buffer.bytes();
      if (packet.fate.corrupted || b.size() < data_.size()) return;
      const std::uint32_t seq =
          std::uint32_t{b[24]} << 24 | std::uint32_t{b[25]} << 16 | std::uint32_t{b[26]} << 8 | b[27];
      const std::uint32_t ahead = (seq - 1) - static_cast<std::uint32_t>(whole_) * payload_;
      if (ahead >> 31 == 0) came(whole_ + ahead / payload_) = 1;
      while (whole_ < next_ && came(whole_) != 0) ++whole_;
    });
  }

  std::uint8_t& came(std::uint64_t segment) { return came_[segment & (came_.size() - 1)]; }

  static const inline Bytes kOptions{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};
  Traffic& traffic_;
  std::uint32_t payload_;
  std::vector<std::uint64_t> in_doubt_;  ///< what was sent in the last so many turns
  std::vector<std::uint8_t> came_;       ///< of those from whole_ on
  Bytes data_, ack_;
  std::uint64_t next_ = 0, whole_ = 0, turns_ = 0;
};

/// Parse, classify, track, every stage, queue, release, track: a segment's way through a link, with so many in flight.
/// What copying the payload costs is another matter: full_segments shows it.
void whole_path(benchmark::State& state, std::size_t payload) {
  const std::int64_t in_flight = state.range(0);
  DirectionConditions c = every_stage();
  c.delay.time = Duration(in_flight * 2000);
  c.outage = {};
  Traffic traffic(c);
  const auto patience = std::bit_ceil(static_cast<std::size_t>(in_flight + in_flight / 4 + 30'000));
  Stream stream(traffic, payload, patience);
  for (std::size_t i = 0; i < 2 * patience; ++i) stream.turn();
  for (auto _ : state) stream.turn();
  state.SetItemsProcessed(state.iterations());
  state.counters["in_flight"] = static_cast<double>(traffic.in_flight());
}
void whole_path(benchmark::State& state) { whole_path(state, 64); }
BENCHMARK(whole_path)->Arg(20'000)->Arg(1'000'000);
void full_segments(benchmark::State& state) { whole_path(state, 1400); }
BENCHMARK(full_segments)->Arg(20'000)->Arg(1'000'000);

/// Full segments of so many connections, in no order; with more than one, a thousand connections a second come and as
/// many go.
void connections(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  DirectionConditions c;
  c.delay.time = 1ms;
  c.loss.model = RandomLoss{Probability::percent(1)};
  Traffic traffic(c);
  const RandomStream stream(3);
  struct Peer {
    std::uint16_t port;
    std::uint32_t seq;
  };
  std::vector<Peer> peers(count);
  std::uint16_t next_port = 1024;
  const auto open = [&](Peer& peer) {
    peer = {next_port, 1};
    next_port = next_port == 65'535 ? std::uint16_t{1024} : static_cast<std::uint16_t>(next_port + 1);
    traffic.pass(ipv4(kTcp, tcp(peer.port, 80, 0, 0, tcp_flag::kSyn)));
    Bytes answer = ipv4(kTcp, tcp(80, peer.port, 0, 1, tcp_flag::kSyn | tcp_flag::kAck));
    for (std::size_t i = 0; i < 4; ++i) std::swap(answer[12 + i], answer[16 + i]);
    traffic.pass(answer, Side::far);
    traffic.pass(ipv4(kTcp, tcp(peer.port, 80, 1, 1, tcp_flag::kAck)));
  };
  for (Peer& peer : peers) open(peer);
  Bytes bytes = ipv4(kTcp, kSegment);
  std::uint64_t k = 0;
  for (auto _ : state) {
    Peer& peer = peers[stream.at(k) % count];
    bytes[20] = static_cast<std::uint8_t>(peer.port >> 8);
    bytes[21] = static_cast<std::uint8_t>(peer.port);
    put32(bytes, 24, peer.seq);
    peer.seq += 1400;
    traffic.pass(bytes);
    if (count > 1 && k % 500 == 0) {
      Peer& gone = peers[k / 500 % count];
      traffic.pass(ipv4(kTcp, tcp(gone.port, 80, gone.seq, 1, tcp_flag::kRst | tcp_flag::kAck)));
      open(gone);
    }
    ++k;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(connections)->Arg(1)->Arg(10'000);

/// Arrival, sent and delivered of one connection's segments.
void track(benchmark::State& state) {
  Deaf observer;
  ConnectionTable table({}, observer);
  Bytes bytes = ipv4(kTcp, kSegment);
  TimePoint now(1h);
  PacketView view;
  parse_packet(bytes, view);
  for (auto _ : state) {
    now += 2us;
    const FlowPosition flow = table.arrive(view, Side::near, now);
    Fate fate;
    fate.release_at[0] = now;
    table.sent(flow.connection, view, Side::near, fate, now);
    table.delivered(flow.connection, view, Side::near, now, fate, 0, now);
    view.tcp.seq += 1400;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(track);

/// Joining small datagrams, 64 to a whole; the time is for one of them.
void join_datagrams(benchmark::State& state) {
  std::vector<Bytes> flow;
  for (std::size_t id = 0; id < JoinedPacket::kMost; ++id) {
    Bytes bytes = ipv4(kUdp, udp(40000, 53, Bytes(64, 1)));
    bytes[4] = 0;
    bytes[5] = static_cast<std::uint8_t>(id);
    write_ipv4_header_checksum(bytes);
    flow.push_back(std::move(bytes));
  }
  const Offload offload{Offload::Kind::none, false, true, 0, 0, 20, 6, false};
  JoinedPacket joined;
  std::size_t k = 0;
  for (auto _ : state) {
    if (k % JoinedPacket::kMost == 0) {
      if (k > 0) benchmark::DoNotOptimize(joined.parts());
      joined.begin(flow[0], offload);
    } else if (!joined.append(flow[k % JoinedPacket::kMost], offload)) {
      state.SkipWithError("not joined");
    }
    ++k;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(join_datagrams);

}  // namespace

BENCHMARK_MAIN();
