#include "emulator/queue/release_queue.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <vector>

#include "emulator/chance/random.h"
#include "emulator/link/pipeline.h"
#include "tests/emulator/start.h"

namespace {

using namespace wobble;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// A packet known by its number, which is kept in `epoch`.
InFlight packet(std::uint32_t number, TimePoint release_at, TimePoint arrived = kStart) {
  InFlight p;
  p.epoch = number;
  p.arrived = arrived;
  p.release_at = release_at;
  return p;
}

std::vector<std::uint32_t> popped(ReleaseQueue& queue, TimePoint now) {
  std::vector<std::uint32_t> numbers;
  while (auto p = queue.pop_due(now)) {
    EXPECT_LE(p->release_at, now);
    numbers.push_back(p->epoch);
  }
  return numbers;
}

TEST(ReleaseQueue, EmptyHasNothingDue) {
  ReleaseQueue queue;
  EXPECT_EQ(queue.next_due(), kNever);
  EXPECT_FALSE(queue.pop_due(kStart));
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_THAT(queue.take_all(), IsEmpty());
}

TEST(ReleaseQueue, NeverEarlyAndInOrder) {
  ReleaseQueue queue;
  queue.push(packet(1, kStart + 2ms));
  queue.push(packet(2, kStart + 1ms));
  queue.push(packet(3, kStart + 3ms));
  EXPECT_EQ(queue.next_due(), kStart + 1ms);
  EXPECT_THAT(popped(queue, kStart + 1ms - 1ns), IsEmpty());
  EXPECT_THAT(popped(queue, kStart + 1ms), ElementsAre(2));
  EXPECT_THAT(popped(queue, kStart + 1s), ElementsAre(1, 3));
}

TEST(ReleaseQueue, EqualsLeaveAsTheyCame) {
  ReleaseQueue queue;
  queue.push(packet(1, kStart + 5ms));
  for (std::uint32_t i = 2; i < 50; ++i) queue.push(packet(i, kStart + (i % 2 ? 1ms : 5ms)));
  auto numbers = popped(queue, kStart + 1s);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.begin() + 24));
  EXPECT_TRUE(std::is_sorted(numbers.begin() + 24, numbers.end()));
  EXPECT_EQ(numbers.size(), 49u);
}

TEST(ReleaseQueue, HeldPacketsLeaveBehindTheLastOfThem) {
  ReleaseQueue queue;
  queue.hold(packet(1, kStart + 20ms), 2, kStart + 120ms);
  queue.push(packet(2, kStart + 21ms, kStart + 1ms));
  EXPECT_EQ(queue.next_due(), kStart + 21ms);
  queue.push(packet(3, kStart + 22ms, kStart + 2ms));
  queue.push(packet(4, kStart + 22ms, kStart + 2ms));
  EXPECT_EQ(queue.size(), 4u);
  EXPECT_THAT(popped(queue, kStart + 22ms), ElementsAre(2, 3, 1, 4));
}

TEST(ReleaseQueue, HeldPacketsLeaveByTheirDeadline) {
  ReleaseQueue queue;
  queue.hold(packet(1, kStart + 20ms), 2, kStart + 120ms);
  queue.push(packet(2, kStart + 21ms, kStart + 1ms));
  EXPECT_THAT(popped(queue, kStart + 120ms - 1ns), ElementsAre(2));
  EXPECT_EQ(queue.next_due(), kStart + 120ms);
  const auto last = queue.pop_due(kStart + 120ms);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->release_at, kStart + 120ms) << "what was decided is told";
}

TEST(ReleaseQueue, ALatePacketDoesNotKeepAHeldOneWaiting) {
  ReleaseQueue queue;
  queue.hold(packet(1, kStart), 1, kStart + 100ms);
  queue.push(packet(2, kStart + 300ms, kStart + 100ms));  // before anybody asked pop_due()
  EXPECT_EQ(queue.next_due(), kStart + 100ms);
  EXPECT_THAT(popped(queue, kStart + 1s), ElementsAre(1, 2));
}

TEST(ReleaseQueue, AHeldPacketIsNeverEarly) {
  ReleaseQueue queue;
  queue.hold(packet(1, kStart + 50ms), 1, kStart + 10ms);
  EXPECT_EQ(queue.next_due(), kStart + 50ms) << "a deadline before its own time";
  queue.push(packet(2, kStart + 1ms, kStart + 1ms));
  EXPECT_THAT(popped(queue, kStart + 50ms - 1ns), ElementsAre(2));
  EXPECT_THAT(popped(queue, kStart + 50ms), ElementsAre(1));
}

TEST(ReleaseQueue, EverythingLeavesAtOnceInItsOrder) {
  ReleaseQueue queue;
  queue.push(packet(1, kStart + 30ms));
  queue.hold(packet(2, kStart + 20ms), 5, kStart + 25ms);
  queue.push(packet(3, kStart + 10ms));
  queue.push(packet(4, kStart + 1ms));
  queue.release_all(kStart + 2ms);
  EXPECT_EQ(queue.next_due(), kStart + 1ms) << "overdue stays overdue";
  queue.push(packet(5, kStart + 2ms, kStart + 2ms));
  EXPECT_THAT(popped(queue, kStart + 2ms), ElementsAre(4, 3, 2, 1, 5));
}

TEST(ReleaseQueue, TakeAllEmptiesInOrder) {
  ReleaseQueue queue;
  queue.push(packet(1, kStart + 30ms));
  queue.hold(packet(2, kStart + 20ms), 5, kStart + 25ms);
  queue.push(packet(3, kStart + 10ms));
  std::vector<std::uint32_t> numbers;
  for (const auto& p : queue.take_all()) numbers.push_back(p.epoch);
  EXPECT_THAT(numbers, ElementsAre(3, 2, 1));
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.next_due(), kNever);
}

TEST(ReleaseQueue, BuffersComeBackToTheirPool) {
  BufferPool pool(1 << 20);
  const std::vector<std::uint8_t> bytes(1500, 7);
  {
    ReleaseQueue queue;
    for (std::uint32_t i = 0; i < 100; ++i) {
      InFlight p = packet(i, kStart + Duration(i * 7919 % 100));
      p.buffer = pool.copy_of(bytes);
      i % 10 == 0 ? queue.hold(std::move(p), 5, kStart + 1s) : queue.push(std::move(p));
    }
    EXPECT_EQ(pool.bytes_in_use(), 100 * (1536 + BufferPool::kQueueCost));
    popped(queue, kStart + 50ns);
    EXPECT_EQ(pool.bytes_in_use(), queue.size() * (1536 + BufferPool::kQueueCost));
  }
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

/// The same promises kept the simplest way.
class Model {
 public:
  void push(std::uint32_t number, TimePoint release_at, TimePoint arrived) {
    waiting_.emplace(release_at, number);  // equal keys stay in the order they came
    for (auto& held : held_) {
      if (held.to_go > 0) --held.to_go;
    }
    for (auto it = held_.begin(); it != held_.end();) {
      if (it->to_go == 0 && arrived < it->due) {
        waiting_.emplace(std::max(it->earliest, release_at), it->number);
        it = held_.erase(it);
      } else {
        ++it;
      }
    }
  }
  void hold(std::uint32_t number, TimePoint release_at, std::uint32_t packets, TimePoint deadline) {
    held_.push_back({number, packets, release_at, std::max(release_at, deadline)});
  }
  TimePoint next_due() const {
    TimePoint due = waiting_.empty() ? kNever : waiting_.begin()->first;
    for (const auto& held : held_) due = std::min(due, held.due);
    return due;
  }
  /// The numbers of those that may leave now: one, or several with the same time if a held one is among them.
  std::vector<std::uint32_t> heads() const {
    std::vector<std::uint32_t> numbers;
    if (!waiting_.empty() && waiting_.begin()->first == next_due()) numbers.push_back(waiting_.begin()->second);
    for (const auto& held : held_) {
      if (held.due == next_due()) numbers.push_back(held.number);
    }
    return numbers;
  }
  void remove(std::uint32_t number) {
    std::erase_if(held_, [&](const auto& h) { return h.number == number; });
    if (!waiting_.empty() && waiting_.begin()->second == number) waiting_.erase(waiting_.begin());
  }
  std::size_t size() const { return waiting_.size() + held_.size(); }
  void release_all(TimePoint now) {
    std::multimap<TimePoint, std::uint32_t> all;
    for (const auto& [at, number] : waiting_) all.emplace(std::min(at, now), number);
    waiting_ = std::move(all);
  }
  bool holds_any() const { return !held_.empty(); }

 private:
  struct Held {
    std::uint32_t number, to_go;
    TimePoint earliest, due;
  };
  std::multimap<TimePoint, std::uint32_t> waiting_;
  std::vector<Held> held_;
};

TEST(ReleaseQueue, BehavesAsTheSimplestModel) {
  const RandomStream numbers(21);
  std::uint64_t k = 0;
  const auto pick = [&](std::uint64_t n) { return numbers.at(k++) % n; };
  ReleaseQueue queue;
  Model model;
  TimePoint now = kStart;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    const std::uint64_t what = pick(100);
    if (what < 45) {
      const TimePoint release_at = now + Duration(pick(3) == 0 ? pick(100) : 50);
      InFlight p = packet(i, release_at, now);
      p.fate.reordered = pick(10) == 0;
      queue.push(std::move(p));
      model.push(i, release_at, now);
    } else if (what < 50) {
      const auto packets = static_cast<std::uint32_t>(1 + pick(8));
      const TimePoint release_at = now + Duration(pick(60)), deadline = release_at + Duration(pick(60));
      queue.hold(packet(i, release_at, now), packets, deadline);
      model.hold(i, release_at, packets, deadline);
    } else if (what < 98) {
      now += Duration(pick(8));
      ASSERT_EQ(queue.next_due(), model.next_due());
      for (std::uint64_t left = pick(20) + 1; left > 0; --left) {
        const auto p = queue.pop_due(now);
        ASSERT_EQ(p.has_value(), model.next_due() <= now);
        if (!p) break;
        ASSERT_EQ(p->release_at, model.next_due());
        const auto heads = model.heads();
        ASSERT_TRUE(std::find(heads.begin(), heads.end(), p->epoch) != heads.end());
        model.remove(p->epoch);
      }
    } else if (!model.holds_any()) {
      queue.release_all(now);
      model.release_all(now);
    }
    ASSERT_EQ(queue.size(), model.size());
  }
}

/// How late each moved packet came, by RFC 4737 4.2.2: a reordered packet's extent is the distance, in packets
/// received, back to the earliest of those received before it that were sent after it.
std::vector<std::size_t> extents(const std::vector<std::uint32_t>& received) {
  std::vector<std::size_t> found;
  std::uint32_t highest = 0;
  for (std::size_t i = 0; i < received.size(); ++i) {
    highest = std::max(highest, received[i]);
    if (received[i] == highest) continue;
    std::size_t first = i;
    for (std::size_t j = i > 2000 ? i - 2000 : 0; j < i && first == i; ++j) {
      if (received[j] > received[i]) first = j;
    }
    found.push_back(i - first);
  }
  return found;
}

/// Sends packets 100 us apart through a pipeline and a queue, as a link does.
std::vector<std::uint32_t> received_through(const DirectionConditions& conditions, std::uint32_t packets) {
  Pipeline pipeline(Direction::up, 4);
  pipeline.configure(conditions, kStart);
  ReleaseQueue queue;
  std::vector<std::uint32_t> received;
  TimePoint now = kStart;
  for (std::uint32_t i = 0; i < packets; ++i, now += 100us) {
    const auto due = popped(queue, now);
    received.insert(received.end(), due.begin(), due.end());
    const Verdict v = pipeline.admit({{}, 1, i}, 1000, now);
    InFlight p = packet(i, v.fate.release_at[0], now);
    p.fate = v.fate;
    if (v.hold_packets > 0) {
      queue.hold(std::move(p), v.hold_packets, v.fate.release_at[0] + kReorderPatience);
    } else {
      queue.push(std::move(p));
    }
  }
  const auto rest = popped(queue, now + 1h);
  received.insert(received.end(), rest.begin(), rest.end());
  return received;
}

TEST(Reorder, ByPacketsIsExactlySoManyBehind) {
  for (const std::uint32_t by : {1u, 3u, 20u}) {
    for (const Duration delay : {Duration(0), Duration(20ms)}) {
      DirectionConditions c;
      c.delay.time = delay;
      c.reorder = {Probability{100'000}, by, {}};  // so rare that no two are near each other
      const auto received = received_through(c, 200'000);
      ASSERT_EQ(received.size(), 200'000u);
      const auto found = extents(received);
      ASSERT_GE(found.size(), 5u);
      for (const std::size_t extent : found) EXPECT_EQ(extent, by);
    }
  }
}

TEST(Reorder, ByTimeIsAsManyBehindAsComeMeanwhile) {
  DirectionConditions c;
  c.reorder = {Probability{100'000}, 0, 1050us};
  const auto received = received_through(c, 200'000);
  ASSERT_EQ(received.size(), 200'000u);
  const auto found = extents(received);
  ASSERT_GE(found.size(), 5u);
  for (const std::size_t extent : found) EXPECT_EQ(extent, 10u);
}

TEST(Reorder, NothingIsLostHoweverMuchIsMoved) {
  for (const double percent : {25.0, 100.0}) {
    DirectionConditions c;
    c.delay.time = 5ms;
    c.reorder = {Probability::percent(percent), 7, {}};
    auto received = received_through(c, 20'000);
    std::sort(received.begin(), received.end());
    ASSERT_EQ(received.size(), 20'000u);
    for (std::uint32_t i = 0; i < received.size(); ++i) ASSERT_EQ(received[i], i);
  }
}

// Also where the numbers that tell equals apart begin again.
TEST(DepartureHeap, GivesTheEarliestAndOfEqualsTheFirst) {
  const RandomStream stream(7);
  DepartureHeap heap;
  std::vector<Departure> waiting;
  std::uint32_t order = 0xffff'fc00;
  for (std::uint64_t k = 0; k < 20'000; ++k) {
    if (stream.at(k) % 5 < 3 || waiting.empty()) {
      const Departure one{kStart + Duration(stream.at(k) % 97), order++, static_cast<std::uint32_t>(k)};
      heap.push(one);
      waiting.push_back(one);
      continue;
    }
    const auto first = std::min_element(waiting.begin(), waiting.end(), [](const auto& a, const auto& b) {
      return a.release_at != b.release_at ? a.release_at < b.release_at : a.slot < b.slot;
    });
    ASSERT_EQ(heap.top().slot, first->slot);
    ASSERT_EQ(heap.pop().slot, first->slot);
    waiting.erase(first);
    ASSERT_EQ(heap.size(), waiting.size());
  }
  EXPECT_GT(waiting.size(), 1'000u);
}

}  // namespace
