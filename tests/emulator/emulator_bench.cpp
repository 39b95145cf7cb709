// What one packet costs in each part of the core, in virtual time: ./dev bench runs it.

#include <benchmark/benchmark.h>

#include <vector>

#include "emulator/packet.h"
#include "emulator/pipeline.h"
#include "emulator/random.h"
#include "emulator/release_queue.h"
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
  c.loss.random = Probability::percent(1);
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

/// Parse, admit, copy, queue and release of full packets, everything on.
void whole_path(benchmark::State& state) {
  const Bytes bytes = ipv4(kTcp, kSegment);
  const std::int64_t in_flight = state.range(0);
  DirectionConditions c = every_stage();
  c.delay.time = Duration(in_flight * 2000);
  c.outage = {};
  Pipeline pipeline(Direction::up, 1);
  TimePoint now{1h};
  pipeline.configure(c, now);
  BufferPool pool(std::size_t{4} << 30);
  ReleaseQueue queue;
  std::uint64_t k = 0;
  const auto turn = [&] {
    now += 2us;
    PacketView view;
    parse_packet(bytes, view);
    const auto length = static_cast<std::uint32_t>(view.bytes.size());
    const Verdict v = pipeline.admit({{}, k & 63, k >> 6}, length, now);
    ++k;
    for (std::uint8_t copy = 0; copy < v.fate.copies; ++copy) {
      if (v.fate.lost[copy] != DropReason::none) continue;
      InFlight p;
      p.buffer = pool.copy_of(view.bytes);
      p.arrived = now;
      p.release_at = v.fate.release_at[copy];
      p.fate = v.fate;
      if (copy == 0 && v.hold_packets > 0) {
        queue.hold(std::move(p), v.hold_packets, v.fate.release_at[0] + kReorderPatience);
      } else {
        queue.push(std::move(p));
      }
    }
    while (auto p = queue.pop_due(now)) benchmark::DoNotOptimize(p);
  };
  for (std::int64_t i = 0; i < in_flight; ++i) turn();
  for (auto _ : state) turn();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(whole_path)->Arg(20'000)->Arg(200'000);

}  // namespace

BENCHMARK_MAIN();
