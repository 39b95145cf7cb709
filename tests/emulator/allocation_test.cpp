// The packet path allocates nothing once it is warm. In a program of its own, since it counts every allocation.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "emulator/connections/connection_table.h"
#include "emulator/link/link.h"
#include "emulator/link/pipeline.h"
#include "emulator/packet/packet_buffer.h"
#include "emulator/queue/release_queue.h"
#include "tests/emulator/any_conditions.h"
#include "tests/emulator/packets.h"

namespace {

std::uint64_t allocations = 0;
std::uint64_t most = UINT64_MAX;  ///< beyond so many there is no memory

void* counted(std::size_t size) noexcept {
  if (++allocations > most) return nullptr;
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
  c.loss.model = RandomLoss{Probability::percent(1)};
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

/// While it lives, `n` allocations succeed and no more.
class Scarcity {
 public:
  explicit Scarcity(std::uint64_t n) { most = allocations + n; }
  ~Scarcity() { most = UINT64_MAX; }
  Scarcity(const Scarcity&) = delete;
  Scarcity& operator=(const Scarcity&) = delete;
  static bool has_sufficed() { return allocations <= most; }
};

class Listener final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override {}
  void on(const Transition&) noexcept override {}
  void on(const ConnectionClosed&) noexcept override {}
  void on(const SegmentRecord&) noexcept override {}
  void on_exhausted(const MemoryExhausted& event) noexcept override {
    ++told;
    last = event;
  }
  int told = 0;
  MemoryExhausted last;
};

/// 10 ms, and in its second step what needs memory: a queue that waits, lists and tables.
LinkConditions steps() {
  LinkConditions c;
  c.up.delay.time = c.down.delay.time = 10ms;
  DirectionConditions d;
  d.rate = 1'000'000;
  d.queue.discipline = Discipline::fq_codel;
  d.queue.flows = 64;
  d.loss.model = ListLoss{{100'000, 200'000}};
  d.delay = {20ms, 1ns, Distribution::table, false, {0}, Scope::link, JitterTable(std::vector<std::int16_t>(50))};
  d.slot.delay = 1ns;
  d.slot.distribution = Distribution::table;
  d.slot.table = JitterTable(std::vector<std::int16_t>(50));
  c.scenario = {{1s, {}, {}}, {1s, d, d}};
  return c;
}

/// A link with its conditions, warm; and how long a packet of 1,000 bytes takes through it.
struct WarmLink {
  WarmLink() : link({}, listener, TimePoint(1s)) {
    link.apply(steps(), TimePoint(1s));
    for (int i = 0; i < 100; ++i) delay_at(TimePoint(1s) + i * 1ms);
  }
  Duration delay_at(TimePoint at) {
    link.admit(packet, Side::near, at);
    Duration taken{-1};
    for (TimePoint now = at; taken < Duration(0) && now < at + 1s; now += 1ms) {
      link.advance(now);
      if (const auto left = link.pop_due(Direction::up, now)) {
        link.complete(*left, Direction::up, true, now);
        taken = left->release_at - at;
      }
    }
    return taken;
  }
  Listener listener;
  Link link;
  const packets::Bytes packet = packets::ipv4(kUdp, packets::udp(1000, 2000, packets::Bytes(972)));
};

constexpr TimePoint kSecondStep{2s};

// Whichever of the allocations of a step's change fails: the step before goes on, whole, and the step comes as soon as
// there is memory.
TEST(Scenario, AStepThatFindsNoMemoryComesLater) {
  int failed = 0;
  for (std::uint64_t n = 0;; ++n) {
    WarmLink warm;
    {
      const Scarcity scarcity(n);
      warm.link.advance(kSecondStep);
      if (Scarcity::has_sufficed()) break;
      ++failed;
    }
    const LinkStats stats = warm.link.stats(kSecondStep);
    ASSERT_EQ(warm.listener.told, 1) << n;
    EXPECT_EQ(warm.listener.last.at, kSecondStep);
    EXPECT_EQ(warm.listener.last.limit, 0u) << "the bound is not what was reached";
    EXPECT_EQ(stats.step, 1u) << "what is in force";
    const Duration before = [&] {
      const Scarcity none(0);
      return warm.delay_at(kSecondStep + 1ms);
    }();
    EXPECT_EQ(before, 10ms) << n;
    EXPECT_EQ(warm.listener.told, 1) << "not each time";
    EXPECT_EQ(warm.delay_at(kSecondStep + 100ms), 28ms + 1ns) << "1,000 bytes at 1 Mbit/s, slot and delay";
    EXPECT_EQ(warm.link.stats(kSecondStep + 200ms).step, 2u);
  }
  EXPECT_GT(failed, 8) << "as many allocations at the least";
}

TEST(Scenario, AStepThatNeverFoundMemoryIsOverAtItsEnd) {
  WarmLink warm;
  {
    const Scarcity none(0);
    warm.link.advance(kSecondStep);
  }
  EXPECT_EQ(warm.delay_at(TimePoint(3s)), 10ms) << "the first again";
  EXPECT_EQ(warm.link.stats(TimePoint(3s)).step, 1u);
  EXPECT_EQ(warm.delay_at(TimePoint(4s)), 28ms + 1ns);
}

// The same where the step takes the bottleneck away, so that what waits there is queued elsewhere or, without memory,
// lost; and where what is in flight is dropped, which needs none.
TEST(Scenario, AStepThatLosesForWantOfMemoryCountsIt) {
  LinkConditions c = steps();
  c.scenario[1].up = c.scenario[1].down = DirectionConditions{};
  c.scenario[1].up->outage = {true, {}, {}, true};
  c.up.rate = 1'000'000;
  c.up.queue.discipline = Discipline::codel;
  std::uint64_t want = 0;
  bool has_sufficed = false;
  for (std::uint64_t n = 0; !has_sufficed; ++n) {
    WarmLink warm;
    warm.link.apply(c, TimePoint(1s));
    for (int i = 0; i < 20; ++i) warm.link.admit(warm.packet, Side::near, TimePoint(1990ms));
    {
      const Scarcity scarcity(n);
      warm.link.advance(kSecondStep);
      has_sufficed = Scarcity::has_sufficed();
    }
    const LinkStats stats = warm.link.stats(kSecondStep);
    const std::uint64_t outage = stats.up.total.dropped[static_cast<std::size_t>(DropReason::outage)];
    const std::uint64_t memory = stats.up.total.dropped[static_cast<std::size_t>(DropReason::memory)];
    ASSERT_EQ(outage + memory, stats.step == 2 ? 20u : 0u) << n;
    ASSERT_EQ(stats.up.packets_in_flight, stats.step == 2 ? 0u : 20u) << n;
    ASSERT_TRUE(memory == 0 || !has_sufficed) << n;
    want += memory;
  }
  EXPECT_GT(want, 0u) << "there was a packet without memory";
}

TEST(Conditions, ThatFindNoMemoryLeaveTheOldOnes) {
  LinkConditions other = steps();
  other.scenario.clear();
  other.up = *steps().scenario[1].up;
  for (std::uint64_t n = 0;; ++n) {
    WarmLink warm;
    const LinkConditions before = warm.link.conditions();
    bool is_over = false;
    try {
      const Scarcity scarcity(n);
      warm.link.apply(other, TimePoint(1500ms));
      is_over = true;
    } catch (const std::bad_alloc&) {
      EXPECT_TRUE(warm.link.conditions() == before) << n;
      EXPECT_EQ(warm.delay_at(TimePoint(1600ms)), 10ms) << n;
      EXPECT_EQ(warm.link.stats(TimePoint(1700ms)).step_ends, kSecondStep);
    }
    if (is_over) break;
  }
}

// Of datagrams that are whole, that never will be, and of more than are kept.
TEST(PacketPath, FragmentsAllocateNothing) {
  Listener observer;
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

// Whatever is asked for: new flows of all kinds, of which some go on and some come to nothing.
class BusyLink {
 public:
  explicit BusyLink(const LinkConditions& conditions) : link_({}, listener_, now_) { link_.apply(conditions, now_); }

  /// What the link itself has allocated in a second with so many new flows, each of ten packets.
  std::uint64_t allocated_in_a_second(std::uint32_t flows) {
    std::uint64_t allocated = 0;
    const Duration apart = Duration(1s) / flows;
    for (std::uint32_t n = 0; n < flows; ++n) {
      const auto port = static_cast<std::uint16_t>(1024 + next_flow_++ % 60'000);
      const bool is_tcp = n % 4 != 0;
      for (std::uint32_t k = 0; k < 10; ++k) {
        const packets::Bytes packet = is_tcp ? tcp(port, k) : packets::ipv4(kUdp, packets::udp(port, 53, body_));
        const std::uint64_t before = allocations;
        link_.admit(packet, k % 3 == 1 ? Side::far : Side::near, now_);
        release();
        allocated += allocations - before;
      }
      now_ += apart;
    }
    return allocated;
  }

 private:
  static packets::Bytes tcp(std::uint16_t port, std::uint32_t k) {
    if (k == 0) return packets::ipv4(kTcp, packets::tcp(port, 80, 1000, 0, tcp_flag::kSyn));
    return packets::ipv4(kTcp, packets::tcp(port, 80, 1001 + 500 * k, 1, tcp_flag::kAck, packets::Bytes(500, 'x')));
  }
  void release() {
    link_.advance(now_);
    for (Direction d : {Direction::up, Direction::down}) {
      while (const auto left = link_.pop_due(d, now_)) link_.complete(*left, d, true, now_);
    }
  }

  Listener listener_;
  TimePoint now_{1h};
  Link link_;
  std::uint32_t next_flow_ = 0;
  const packets::Bytes body_ = packets::Bytes(500, 'x');
};

// A queue that is fuller than ever before may grow, so often; nothing is allocated for each of the flows or packets.
constexpr std::uint64_t kGrowth = 10;

TEST(PacketPath, AllocatesForNoFlowAndNoPacketWhateverIsAskedFor) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    LinkConditions conditions = AnyConditions(seed, true).link();
    conditions.scenario.clear();  // a step is a change of conditions, which may allocate
    for (DirectionConditions* c :
         {&conditions.up, &conditions.down}) {  // a queue that is soon full needs no more buffers
      c->queue.limit_bytes = 0;
      c->queue.limit_time = 0s;
      c->queue.limit_packets = 50;
    }
    BusyLink busy(conditions);
    for (int i = 0; i < 2; ++i) busy.allocated_in_a_second(2000);  // so that every high-water mark is set
    EXPECT_LE(busy.allocated_in_a_second(500), kGrowth) << "seed " << seed;
  }
}

// The settings that keep something of each flow, alone and with many more flows than before.
TEST(PacketPath, AllocatesForNoNewFlowThatItRemembers) {
  LinkConditions remembers;
  remembers.up.idle_timeout = remembers.down.idle_timeout = {10s, IdleAction::drop};
  LinkConditions by_connection;
  by_connection.up.loss.model = GilbertElliott{Probability::percent(1), Probability::percent(50)};
  by_connection.up.delay = {0ms, 1us, Distribution::uniform, false, Probability::percent(50), Scope::connection};
  by_connection.up.loss.per = Scope::connection;
  for (const LinkConditions& conditions : {remembers, by_connection}) {
    BusyLink busy(conditions);
    busy.allocated_in_a_second(100);
    EXPECT_LE(busy.allocated_in_a_second(5'000), kGrowth);
  }
}

}  // namespace
