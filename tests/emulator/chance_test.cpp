// What is chance about one direction: over 10^6 packets in virtual time, within the bounds of statistics.h.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "emulator/chance/random.h"
#include "emulator/link/pipeline.h"
#include "tests/emulator/start.h"
#include "tests/emulator/statistics.h"

namespace {

using namespace wobble;
using namespace std::chrono_literals;

constexpr double kN = static_cast<double>(statistics::kPackets);

/// Sends `packets` of one flow, a microsecond apart, and shows each verdict.
void run(const DirectionConditions& conditions, const std::function<void(const Verdict&, TimePoint)>& look,
         std::uint64_t packets = statistics::kPackets, std::uint64_t seed = 42) {
  Pipeline pipeline(Direction::up, seed);
  pipeline.configure(conditions, kStart);
  for (std::uint64_t i = 0; i < packets; ++i) {
    const TimePoint now = kStart + Duration(i * 1000);
    look(pipeline.admit({{}, 7, i}, 1000, now), now);
  }
}

void expect_share(double count, double p) { EXPECT_NEAR(count, kN * p, statistics::binomial_slack(kN, p)); }

TEST(Chance, RandomLossIsAsAsked) {
  for (const double percent : {0.01, 2.0, 50.0}) {
    DirectionConditions c;
    c.loss.model = RandomLoss{Probability::percent(percent)};
    std::uint64_t lost = 0;
    run(c, [&](const Verdict& v, TimePoint) { lost += v.fate.dropped == DropReason::loss; });
    expect_share(static_cast<double>(lost), percent / 100);
  }
}

TEST(Chance, AllAndNothingAreExact) {
  DirectionConditions c;
  c.loss.model = RandomLoss{Probability::percent(100)};
  run(
      c, [](const Verdict& v, TimePoint) { ASSERT_TRUE(v.fate.is_dropped()); }, 10'000);
  c.loss.model = RandomLoss{{0}};
  run(
      c, [](const Verdict& v, TimePoint) { ASSERT_FALSE(v.fate.is_dropped()); }, 10'000);
}

TEST(Chance, RandomLossComesInRunsOfItsOwnLength) {
  DirectionConditions c;
  c.loss.model = RandomLoss{Probability::percent(30)};
  std::vector<std::uint64_t> runs;
  std::uint64_t length = 0;
  run(c, [&](const Verdict& v, TimePoint) {
    if (v.fate.is_dropped()) {
      ++length;
    } else if (length > 0) {
      runs.push_back(std::exchange(length, 0));
    }
  });
  const auto fit = statistics::fit_geometric(runs, 0.7);
  EXPECT_LT(fit.statistic, statistics::chi_square_bound(fit.degrees));
}

TEST(Chance, DuplicateCorruptAndReorderAreAsAsked) {
  DirectionConditions c;
  c.duplicate.probability = Probability::percent(1);
  c.corrupt.probability = Probability::percent(3);
  c.reorder = {Probability::percent(5), 3, {}};
  double duplicated = 0, corrupted = 0, reordered = 0, all_three = 0;
  run(c, [&](const Verdict& v, TimePoint) {
    duplicated += v.fate.copies == 2;
    corrupted += v.to_corrupt;
    reordered += v.fate.reordered;
    all_three += v.fate.copies == 2 && v.to_corrupt && v.fate.reordered;
    ASSERT_EQ(v.hold_packets, v.fate.reordered ? 3u : 0u);
  });
  expect_share(duplicated, 0.01);
  expect_share(corrupted, 0.03);
  expect_share(reordered, 0.05);
  expect_share(all_three, 0.01 * 0.03 * 0.05);
}

TEST(GilbertElliott, BurstsAndGapsLastAsTheyShould) {
  DirectionConditions c;
  c.loss.model = GilbertElliott{Probability::percent(1), Probability::percent(10)};
  std::vector<std::uint64_t> bursts, gaps;
  std::uint64_t length = 0, lost = 0;
  bool was_lost = false;
  run(c, [&](const Verdict& v, TimePoint) {
    const bool is_lost = v.fate.dropped == DropReason::loss;
    lost += is_lost;
    if (is_lost != was_lost) {
      (was_lost ? bursts : gaps).push_back(std::exchange(length, 0));
      was_lost = is_lost;
    }
    ++length;
  });
  // Neighbours resemble each other (their correlation is 1 - p - r), which widens the bound.
  const double p = 0.01, r = 0.1, bad = p / (p + r), like = 1 - p - r;
  EXPECT_NEAR(static_cast<double>(lost), kN * bad, 5 * std::sqrt(kN * bad * (1 - bad) * (1 + like) / (1 - like)));
  gaps.erase(gaps.begin());  // the first began before the first packet
  const auto burst_fit = statistics::fit_geometric(bursts, r);
  EXPECT_LT(burst_fit.statistic, statistics::chi_square_bound(burst_fit.degrees));
  const auto gap_fit = statistics::fit_geometric(gaps, p);
  EXPECT_LT(gap_fit.statistic, statistics::chi_square_bound(gap_fit.degrees));
  EXPECT_GT(burst_fit.degrees, 10u);
  EXPECT_GT(gap_fit.degrees, 10u);
}

TEST(GilbertElliott, EachStateHasItsOwnLoss) {
  DirectionConditions c;
  c.loss.model = GilbertElliott{Probability::percent(30), Probability::percent(60), Probability::percent(50),
                                Probability::percent(1)};
  double lost = 0;
  run(c, [&](const Verdict& v, TimePoint) { lost += v.fate.is_dropped(); });
  const double mean = 0.5 / 3 + 0.01 * 2 / 3;
  EXPECT_NEAR(lost, kN * mean, 1.2 * statistics::binomial_slack(kN, mean));
}

TEST(GilbertElliott, ABadStateWithoutAWayOutStaysBad) {
  DirectionConditions c;
  c.loss.model = GilbertElliott{Probability::percent(100), Probability{0}};
  run(
      c, [](const Verdict& v, TimePoint) { ASSERT_TRUE(v.fate.is_dropped()); }, 1000);
}

TEST(GilbertElliott, ABurstGoesOnWhenSomethingElseChanges) {
  DirectionConditions c;
  c.loss.model = GilbertElliott{Probability::percent(5), Probability::percent(20)};
  const auto losses = [&](bool with_changes) {
    Pipeline pipeline(Direction::down, 3);
    DirectionConditions changing = c;
    pipeline.configure(changing, kStart);
    std::vector<bool> lost;
    for (std::uint64_t i = 0; i < 20'000; ++i) {
      const TimePoint now = kStart + Duration(i * 1000);
      if (with_changes) {
        changing.delay.time = Duration(i);
        pipeline.configure(changing, now);
      }
      lost.push_back(pipeline.admit({{}, i % 3, i / 3}, 100, now).fate.is_dropped());
    }
    return lost;
  };
  EXPECT_EQ(losses(false), losses(true));
}

std::vector<double> jitters(Distribution distribution) {
  DirectionConditions c;
  c.delay = {100ms, 10ms, distribution, true};
  std::vector<double> samples;
  samples.reserve(statistics::kPackets);
  run(c, [&](const Verdict& v, TimePoint now) {
    samples.push_back(static_cast<double>((v.fate.release_at[0] - now - 100ms).count()) / 1e7);
  });
  return samples;
}

TEST(Jitter, UniformFitsItsDistribution) {
  const auto samples = jitters(Distribution::uniform);
  EXPECT_GE(*std::min_element(samples.begin(), samples.end()), -1.0);
  EXPECT_LE(*std::max_element(samples.begin(), samples.end()), 1.0);
  const double distance = statistics::kolmogorov_distance(samples, [](double x) { return (x + 1) / 2; });
  EXPECT_LT(distance, statistics::kolmogorov_bound(samples.size()));
}

TEST(Jitter, NormalFitsItsDistribution) {
  const auto samples = jitters(Distribution::normal);
  EXPECT_LT(statistics::kolmogorov_distance(samples, statistics::normal_cdf),
            statistics::kolmogorov_bound(samples.size()));
}

TEST(Jitter, ACopyDrawsItsOwn) {
  DirectionConditions c;
  c.delay = {100ms, 10ms, Distribution::uniform, true};
  c.duplicate.probability = Probability::percent(100);
  std::vector<double> copies;
  double product = 0;
  run(c, [&](const Verdict& v, TimePoint now) {
    const double original = static_cast<double>((v.fate.release_at[0] - now - 100ms).count()) / 1e7;
    const double copy = static_cast<double>((v.fate.release_at[1] - now - 100ms).count()) / 1e7;
    copies.push_back(copy);
    product += original * copy;
  });
  EXPECT_LT(statistics::kolmogorov_distance(copies, [](double x) { return (x + 1) / 2; }),
            statistics::kolmogorov_bound(copies.size()));
  EXPECT_LT(std::abs(product / kN), 5 * (1.0 / 3) / std::sqrt(kN)) << "uncorrelated with the original's";
}

/// All that chance decides of one packet, in numbers that can be compared.
std::vector<std::uint64_t> told(const Verdict& v, TimePoint now) {
  std::vector<std::uint64_t> all = {static_cast<std::uint64_t>(v.fate.dropped), v.fate.copies, v.to_corrupt,
                                    v.corrupt_draw, v.hold_packets};
  for (std::uint8_t copy = 0; copy < v.fate.copies; ++copy) {
    all.push_back(static_cast<std::uint64_t>(v.fate.lost[copy]));
    if (v.fate.lost[copy] == DropReason::none) {
      all.push_back(static_cast<std::uint64_t>((v.fate.release_at[copy] - now).count()));
    }
  }
  return all;
}

DirectionConditions everything_by_flow() {
  DirectionConditions c;
  c.delay = {100ms, 10ms, Distribution::normal, true};
  c.loss.model = RandomLoss{Probability::percent(5)};
  c.duplicate.probability = Probability::percent(5);
  c.corrupt.probability = Probability::percent(5);
  c.reorder = {Probability::percent(5), 0, 20ms};
  return c;
}

TEST(Streams, ChangingTheJitterDoesNotChangeWhatIsLost) {
  DirectionConditions a = everything_by_flow(), b = a;
  b.delay.jitter = 0ms;
  b.rate = 1'000'000'000;
  b.duplicate.probability = {0};
  std::vector<bool> lost_a, lost_b, corrupted_a, corrupted_b;
  run(
      a,
      [&](const Verdict& v, TimePoint) {
        lost_a.push_back(v.fate.dropped == DropReason::loss);
        corrupted_a.push_back(v.to_corrupt);
      },
      50'000);
  run(
      b,
      [&](const Verdict& v, TimePoint) {
        lost_b.push_back(v.fate.dropped == DropReason::loss);
        corrupted_b.push_back(v.to_corrupt);
      },
      50'000);
  EXPECT_EQ(lost_a, lost_b);
  EXPECT_EQ(corrupted_a, corrupted_b);
}

TEST(Streams, FatesDoNotHangOnHowFlowsInterleave) {
  constexpr std::uint64_t kFlows = 20, kEach = 500;
  const auto fates = [](const std::vector<std::uint64_t>& turns) {
    Pipeline pipeline(Direction::up, 8);
    pipeline.configure(everything_by_flow(), kStart);
    std::map<std::uint64_t, std::vector<std::vector<std::uint64_t>>> by_flow;
    TimePoint now = kStart;
    for (const std::uint64_t flow : turns) {
      now += 1us;
      const Verdict v = pipeline.admit({{}, 1000 + flow, by_flow[flow].size()}, 100, now);
      by_flow[flow].push_back(told(v, now));
    }
    return by_flow;
  };
  std::vector<std::uint64_t> in_turn, shuffled;
  for (std::uint64_t i = 0; i < kFlows * kEach; ++i) in_turn.push_back(i / kEach);
  shuffled = in_turn;
  const RandomStream numbers(5);
  for (std::size_t i = shuffled.size() - 1; i > 0; --i) std::swap(shuffled[i], shuffled[numbers.at(i) % (i + 1)]);
  EXPECT_EQ(fates(in_turn), fates(shuffled));
}

TEST(Streams, SeedsDirectionsAndFlowsDiffer) {
  DirectionConditions c;
  c.loss.model = RandomLoss{Probability::percent(50)};
  const auto losses = [&](Direction direction, std::uint64_t seed, std::uint64_t flow) {
    Pipeline pipeline(direction, seed);
    pipeline.configure(c, kStart);
    std::vector<bool> lost;
    for (std::uint64_t i = 0; i < 200; ++i)
      lost.push_back(pipeline.admit({{}, flow, i}, 100, kStart).fate.is_dropped());
    return lost;
  };
  const auto base = losses(Direction::up, 1, 1);
  EXPECT_EQ(base, losses(Direction::up, 1, 1));
  EXPECT_NE(base, losses(Direction::down, 1, 1));
  EXPECT_NE(base, losses(Direction::up, 2, 1));
  EXPECT_NE(base, losses(Direction::up, 1, 2));
}

TEST(Streams, EveryFateIsPinned) {
  // The same on every machine and in every release with this kRandomVersion.
  DirectionConditions c = everything_by_flow();
  c.rate = 9'999'991;
  std::uint64_t digest = 0;
  run(
      c,
      [&](const Verdict& v, TimePoint now) {
        for (const std::uint64_t number : told(v, now)) digest = mix64(digest ^ number);
      },
      10'000);
  EXPECT_EQ(digest, 3866421797722372384u);
}

}  // namespace
