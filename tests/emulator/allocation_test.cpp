// The packet path allocates nothing once it is warm. In a program of its own, since it counts every allocation.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "emulator/connection_table.h"
#include "emulator/packet_buffer.h"
#include "emulator/pipeline.h"
#include "emulator/release_queue.h"
#include "tests/emulator/packets.h"

namespace {

std::uint64_t allocations = 0;

void* counted(std::size_t size) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* block = counted(size)) return block;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { std::free(block); }

namespace {

using namespace wobble;
using namespace std::chrono_literals;

TEST(PacketPath, AllocatesNothingOnceWarm) {
  BufferPool pool(std::size_t{64} << 20);
  Pipeline pipeline(Direction::up, 1);
  ReleaseQueue queue;
  DirectionConditions c;
  c.delay = {20ms, 5ms, Distribution::normal, true};
  c.loss.random = Probability::percent(1);
  c.duplicate.probability = Probability::percent(1);
  c.corrupt.probability = Probability::percent(1);
  c.reorder = {Probability::percent(1), 3, {}};
  c.rate = 1'000'000'000;
  TimePoint now{1h};
  pipeline.configure(c, now);
  const std::vector<std::uint8_t> bytes(1250, 1);
  std::uint64_t left = 0, k = 0;
  const auto run = [&](int packets, Duration apart) {
    for (int i = 0; i < packets; ++i) {
      now += apart;
      while (queue.pop_due(now)) ++left;
      const Verdict v = pipeline.admit({{}, 1, k++}, 1250, now);
      for (std::uint8_t copy = 0; copy < v.fate.copies; ++copy) {
        if (v.fate.lost[copy] != DropReason::none) continue;
        InFlight p;
        p.buffer = pool.copy_of(bytes);
        p.arrived = now;
        p.release_at = v.fate.release_at[copy];
        p.fate = v.fate;
        if (copy == 0 && v.hold_packets > 0) {
          queue.hold(std::move(p), v.hold_packets, v.fate.release_at[copy] + kReorderPatience);
        } else {
          queue.push(std::move(p));
        }
      }
    }
  };
  // First more than later, in flight and set aside, so that every high-water mark is set.
  run(200'000, 11us);
  c.reorder.probability = Probability::percent(0.1);
  pipeline.configure(c, now);
  const std::uint64_t before = allocations;
  EXPECT_GT(before, 0u) << "nothing was counted at all";
  run(200'000, 12us);
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_GT(left, 300'000u);
}

class Deaf final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override {}
  void on(const Transition&) noexcept override {}
  void on(const ConnectionClosed&) noexcept override {}
  void on(const SegmentRecord&) noexcept override {}
};

// Of datagrams that are whole, that never will be, and of more than are kept.
TEST(PacketPath, FragmentsAllocateNothing) {
  Deaf observer;
  ConnectionTable table({}, observer);
  const packets::Bytes segment = packets::tcp(1, 2, 3, 4, tcp_flag::kAck, packets::Bytes(1000, 'x'));
  const auto half = static_cast<std::ptrdiff_t>(512);
  packets::Bytes parts[] = {packets::ipv4(kTcp, {segment.begin(), segment.begin() + half}, 0x2000),
                            packets::ipv4(kTcp, {segment.begin() + half, segment.end()}, 64)};
  TimePoint now{1h};
  Fate fate;
  const std::uint64_t before = allocations;
  for (std::uint32_t id = 0; id < 10'000; ++id) {
    for (packets::Bytes& part : parts) {
      if (id % 3 == 0 && &part == &parts[id % 2]) continue;
      part[4] = static_cast<std::uint8_t>(id >> 8);
      part[5] = static_cast<std::uint8_t>(id);
      PacketView view;
      ASSERT_EQ(parse_packet(part, view), ParseError::none);
      fate.release_at[0] = now += 1us;
      const FlowPosition flow = table.arrive(view, Side::near, now);
      table.sent(flow.connection, view, Side::near, fate, now);
      if (id % 5 != 0) table.delivered(flow.connection, view, Side::near, now, fate, 0, now);
    }
  }
  EXPECT_EQ(allocations - before, 0u);
  EXPECT_EQ(table.size(), 1u);
}

}  // namespace
