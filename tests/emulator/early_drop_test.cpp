// PIE against RFC 8033, and RED against Floyd and Jacobson's paper.

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "emulator/chance/random.h"
#include "emulator/impairments/pie.h"
#include "emulator/impairments/red.h"
#include "tests/emulator/start.h"
#include "tests/emulator/waiting.h"

namespace wobble {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t kAlways = 0;                   // a number that strikes with any probability above 0
constexpr std::uint64_t kNever64 = ~std::uint64_t{0};  // and one that needs certainty

/// RFC 8033 4.2, in seconds and fractions.
struct Controller {
  double alpha = 0.125, beta = 1.25, target = 0.015, before = 0, probability = 0;

  void update(double delay) {
    double p = alpha * (delay - target) + beta * (delay - before);
    const std::pair<double, double> table[] = {{0.000001, 2048}, {0.00001, 512}, {0.0001, 128},
                                               {0.001, 32},      {0.01, 8},      {0.1, 2}};
    for (const auto& [below, divisor] : table) {
      if (probability < below) {
        p /= divisor;
        break;
      }
    }
    probability += p;
    if (delay == 0 && before == 0) probability *= 0.98;
    probability = std::min(std::max(probability, 0.0), 1.0);
    before = delay;
  }
};

double probability_of(const PieQueue& queue) {
  return static_cast<double>(queue.probability()) / static_cast<double>(PieQueue::kCertain);
}

/// A packet leaves that has waited so long; others are behind it.
void let_one_leave(PieQueue& queue, QueueBench& bench, TimePoint now, Duration wait) {
  while (queue.take()) {
  }
  for (int i = 0; i < 10; ++i) bench.push(now - wait, 1500);
  ASSERT_TRUE(bench.pop(now));
}

TEST(Pie, TheProbabilityFollowsTheRfcEvery15Milliseconds) {
  QueueSettings settings;
  PieQueue queue(settings, kStart);
  QueueBench bench(queue);
  Controller expected;
  std::mt19937_64 random(5);
  double highest = 0;
  for (int i = 1; i <= 4000; ++i) {
    // Long and short waits by turns, so that every row of the table has its time.
    const Duration wait((i / 200 % 2 == 0 ? 40 : 12) * 1'000'000 + static_cast<std::int64_t>(random() % 8'000'000));
    const TimePoint now = kStart + i * 15ms;
    let_one_leave(queue, bench, now - 1ns, wait);
    const std::int64_t before = queue.probability();
    queue.arrive(kNever64, 1500, false, now - 1ns);
    ASSERT_EQ(queue.probability(), before) << "not a nanosecond early";
    queue.arrive(kNever64, 1500, false, now);
    expected.update(static_cast<double>(wait.count()) / 1e9);
    ASSERT_NEAR(probability_of(queue), expected.probability, 1e-10) << i;
    highest = std::max(highest, expected.probability);
  }
  EXPECT_GT(highest, 0.1) << "all rows of the table were met";
}

TEST(Pie, AnEmptyQueueLetsItDecay) {
  QueueSettings settings;
  PieQueue queue(settings, kStart);
  QueueBench bench(queue);
  Controller expected;
  TimePoint now = kStart;
  for (int i = 0; i < 300; ++i) {
    now += 15ms;
    let_one_leave(queue, bench, now - 1ns, 200ms);
    expected.update(0.2);
  }
  queue.arrive(kNever64, 1500, false, now);
  EXPECT_NEAR(probability_of(queue), expected.probability, 1e-10);
  while (bench.pop(now)) {
  }
  for (int i = 0; i < 20; ++i) expected.update(0);
  EXPECT_GT(expected.probability, 0.4);
  queue.arrive(kNever64, 1500, false, now + 20 * 15ms);
  EXPECT_NEAR(probability_of(queue), expected.probability, 1e-9) << "updates that nobody asked for are made up for";
  queue.arrive(kNever64, 1500, false, now + 1h);
  EXPECT_EQ(queue.probability(), 0);
  EXPECT_EQ(queue.burst_allowance(), 150ms);
}

TEST(Pie, NothingIsDroppedWhileABurstIsAllowed) {
  QueueSettings settings;
  settings.max_burst = 60ms;
  PieQueue queue(settings, kStart);
  QueueBench bench(queue);
  std::vector<int> dropped_after;
  for (int i = 0; i < 10; ++i) {
    let_one_leave(queue, bench, kStart + i * 15ms, 1s);
    if (queue.arrive(kAlways, 1500, false, kStart + i * 15ms) == OnArrival::drop) dropped_after.push_back(i * 15);
  }
  // 60, 45, 30, 15 ms are left before the updates at 15, 30, 45 and 60 ms, and the probability is above 0 since 30 ms.
  EXPECT_EQ(dropped_after, (std::vector<int>{60, 75, 90, 105, 120, 135}));
}

TEST(Pie, MarksBelowATenthAndDropsAbove) {
  QueueSettings settings;
  settings.ecn = true;
  PieQueue queue(settings, kStart);
  QueueBench bench(queue);
  TimePoint now = kStart;
  int marked = 0, dropped = 0;
  while (probability_of(queue) < 0.3) {
    now += 15ms;
    let_one_leave(queue, bench, now, 100ms);
    const bool is_below = probability_of(queue) < 0.1;
    const OnArrival verdict = queue.arrive(kAlways, 1500, true, now);
    if (verdict == OnArrival::enqueue) continue;
    ASSERT_EQ(verdict, is_below ? OnArrival::mark : OnArrival::drop);
    ++(is_below ? marked : dropped);
    ASSERT_EQ(queue.arrive(kAlways, 1500, false, now), OnArrival::drop) << "not capable";
  }
  EXPECT_GT(marked, 10);
  EXPECT_GT(dropped, 0);
}

TEST(Pie, ASmallQueueIsLeftAlone) {
  QueueSettings settings;
  PieQueue queue(settings, kStart);
  QueueBench bench(queue);
  TimePoint now = kStart;
  for (int i = 0; i < 1000; ++i) let_one_leave(queue, bench, now += 15ms, 1s);
  EXPECT_EQ(queue.probability(), PieQueue::kCertain);
  EXPECT_EQ(queue.arrive(kNever64, 1500, false, now), OnArrival::drop);
  while (queue.backlog().bytes > 3000) queue.take();
  EXPECT_EQ(queue.arrive(kAlways, 1500, false, now), OnArrival::enqueue);
}

TEST(Pie, DropsAsOftenAsItSays) {
  QueueSettings settings;
  PieQueue queue(settings, kStart);
  QueueBench bench(queue);
  TimePoint now = kStart;
  while (probability_of(queue) < 0.25) let_one_leave(queue, bench, now += 15ms, 50ms);
  const double p = probability_of(queue);
  const RandomStream numbers(9);
  int dropped = 0;
  constexpr int kPackets = 100'000;
  for (int i = 0; i < kPackets; ++i) {
    dropped += queue.arrive(numbers.at(static_cast<std::uint64_t>(i)), 1500, false, now) == OnArrival::drop ? 1 : 0;
  }
  EXPECT_NEAR(dropped, kPackets * p, 5 * std::sqrt(kPackets * p * (1 - p)));
}

QueueSettings early() {
  QueueSettings s;
  s.discipline = Discipline::red;
  s.min = 30'000;
  s.max = 90'000;
  s.probability = Probability::percent(10);
  return s;
}
constexpr Surroundings kMegabyteASecond{1, 1'000'000, 1'000'000};

double average_of(const RedQueue& queue) { return static_cast<double>(queue.average()) / 65536; }

void fill(RedQueue& queue, QueueBench& bench, int packets) {
  for (int i = 0; i < packets; ++i) {
    Waiting waiting;
    waiting.packet.buffer = bench.pool_.allocate(1000);
    waiting.packet.wire_bytes = 1000;
    ASSERT_TRUE(queue.push(std::move(waiting)));
  }
}

TEST(Red, TheWeightIsTheOneThatTcChooses) {
  // burst 50 packets, min 30: (1 - (1 - W)^50) / W reaches 50 + 1 - 30 at W = 1/32.
  EXPECT_EQ(RedQueue(early(), kMegabyteASecond).weight_exponent(), 5u);
}

TEST(Red, TheAverageIsAnEwma) {
  RedQueue queue(early(), kMegabyteASecond);
  QueueBench bench(queue);
  fill(queue, bench, 60);
  double expected = 0;
  for (int i = 0; i < 300; ++i) {
    queue.arrive(kNever64, 1000, false, kStart);
    expected += (60'000 - expected) / 32;
    ASSERT_NEAR(average_of(queue), expected, 0.01) << i;
  }
}

TEST(Red, TheAverageDecaysWhileIdle) {
  RedQueue queue(early(), kMegabyteASecond);
  QueueBench bench(queue);
  fill(queue, bench, 60);
  for (int i = 0; i < 300; ++i) queue.arrive(kNever64, 1000, false, kStart);
  const double before = average_of(queue);
  while (bench.pop(kStart)) {
  }
  queue.arrive(kNever64, 1000, false, kStart + 20ms + 999us);  // 20 packets of 1,000 bytes
  EXPECT_NEAR(average_of(queue), before * std::pow(31.0 / 32, 20), 0.01);
}

TEST(Red, TheDropsAreSpreadAsThePaperSays) {
  RedQueue queue(early(), kMegabyteASecond);
  QueueBench bench(queue);
  fill(queue, bench, 60);  // half way from min to max: p_b is 5 %
  for (int i = 0; i < 3000; ++i) queue.arrive(kNever64, 1000, false, kStart);
  ASSERT_NEAR(average_of(queue), 60'000, 0.1);
  const RandomStream numbers(4);
  std::vector<int> gaps(21, 0);
  int since = 0, drops = 0;
  for (std::uint64_t i = 0; i < 400'000; ++i) {
    ++since;
    if (queue.arrive(numbers.at(i), 1000, false, kStart) != OnArrival::drop) continue;
    ASSERT_LE(since, 20);
    ++gaps[static_cast<std::size_t>(since)];
    ++drops;
    since = 0;
  }
  // Evenly 1 to 1 / p_b - 1 packets from one drop to the next, since count includes the packet that arrives, as in the
  // paper's algorithm: chi-square with 18 degrees of freedom, 65 at p = 3e-7.
  const double expected = drops / 19.0;
  double chi_square = 0;
  for (std::size_t gap = 1; gap <= 19; ++gap) chi_square += std::pow(gaps[gap] - expected, 2) / expected;
  EXPECT_LT(chi_square, 65);
  EXPECT_LT(gaps[20], 5) << "only by the last digit of the average";
}

TEST(Red, BelowMinNobodyAndFromMaxOnEverybody) {
  RedQueue queue(early(), kMegabyteASecond);
  QueueBench bench(queue);
  fill(queue, bench, 29);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(queue.arrive(kAlways, 1000, false, kStart), OnArrival::enqueue);
  fill(queue, bench, 100);
  for (int i = 0; i < 1000; ++i) queue.arrive(kNever64, 1000, false, kStart);
  EXPECT_EQ(queue.arrive(kNever64, 1000, false, kStart), OnArrival::drop);
}

TEST(Red, GentleRisesToOneAtTwiceMax) {
  QueueSettings settings = early();
  settings.gentle = true;
  for (const auto& [packets, p_b] : {std::pair{90, 0.1}, {135, 0.55}, {170, 0.9}}) {
    RedQueue queue(settings, kMegabyteASecond);
    QueueBench bench(queue);
    fill(queue, bench, packets);
    for (int i = 0; i < 3000; ++i) queue.arrive(kNever64, 1000, false, kStart);
    ASSERT_NEAR(average_of(queue), packets * 1000, 0.1);
    // The first that arrives after a drop is chosen with p_b / (1 - p_b), since count includes it.
    const RandomStream numbers(9);
    int after_drop = 0, chosen = 0;
    bool was_dropped = false;
    for (std::uint64_t i = 0; i < 200'000; ++i) {
      const bool is_dropped = queue.arrive(numbers.at(i), 1000, false, kStart) == OnArrival::drop;
      if (was_dropped) ++after_drop, chosen += is_dropped ? 1 : 0;
      was_dropped = is_dropped;
    }
    const double expected = std::min(1.0, p_b / (1 - p_b));
    EXPECT_NEAR(chosen, after_drop * expected, 5 * std::sqrt(after_drop * expected * (1 - expected) + 1)) << packets;
  }
  RedQueue queue(settings, kMegabyteASecond);
  QueueBench bench(queue);
  fill(queue, bench, 180);
  for (int i = 0; i < 3000; ++i) queue.arrive(kNever64, 1000, false, kStart);
  EXPECT_EQ(queue.arrive(kNever64, 1000, false, kStart), OnArrival::drop) << "from twice max on everybody";
}

TEST(Red, MarksWhatIsCapable) {
  QueueSettings settings = early();
  settings.ecn = true;
  RedQueue queue(settings, kMegabyteASecond);
  QueueBench bench(queue);
  fill(queue, bench, 100);
  for (int i = 0; i < 1000; ++i) queue.arrive(kNever64, 1000, false, kStart);
  EXPECT_EQ(queue.arrive(kNever64, 1000, true, kStart), OnArrival::mark);
  EXPECT_EQ(queue.arrive(kNever64, 1000, false, kStart), OnArrival::drop);
}

TEST(Red, WithoutThresholdsTheyComeFromTheLimit) {
  QueueSettings settings;
  RedQueue queue(settings, {1, 1'000'000, 120'000});  // max 30,000, min 10,000
  QueueBench bench(queue);
  fill(queue, bench, 29);
  for (int i = 0; i < 3000; ++i) queue.arrive(kNever64, 1000, false, kStart);
  EXPECT_EQ(queue.arrive(kNever64, 1000, false, kStart), OnArrival::enqueue);
  fill(queue, bench, 3);
  for (int i = 0; i < 3000; ++i) queue.arrive(kNever64, 1000, false, kStart);
  EXPECT_EQ(queue.arrive(kNever64, 1000, false, kStart), OnArrival::drop);
}

}  // namespace
}  // namespace wobble
