// Correlation of duplicate, corrupt and reorder, reorder's gap, and memories of connections; over 10^6 packets in
// virtual time, within the bounds of statistics.h.

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "emulator/chance/random.h"
#include "tests/emulator/lane.h"
#include "tests/emulator/statistics.h"

namespace {

using namespace wobble;
using namespace std::chrono_literals;

std::vector<bool> struck(const DirectionConditions& c, const std::function<bool(const Verdict&)>& is_struck,
                         std::uint64_t packets = statistics::kPackets) {
  Lane lane(c, 42);
  std::vector<bool> out;
  out.reserve(packets);
  for (std::uint64_t i = 0; i < packets; ++i) out.push_back(is_struck(lane.admit(kStart)));
  return out;
}

const std::function<bool(const Verdict&)> kDuplicated = [](const Verdict& v) { return v.fate.copies == 2; };
const std::function<bool(const Verdict&)> kCorrupted = [](const Verdict& v) { return v.to_corrupt; };
const std::function<bool(const Verdict&)> kReordered = [](const Verdict& v) { return v.fate.reordered; };

void expect_correlated(const std::vector<bool>& samples, double p, double c) {
  const auto estimate = statistics::estimate_mean(samples);
  EXPECT_NEAR(estimate.mean, p, 5 * estimate.error);
  EXPECT_LT(estimate.error, p / 10);
  const double slack = statistics::correlation_slack(samples);
  EXPECT_NEAR(statistics::lag_correlation(samples, 1), c, slack);
  EXPECT_NEAR(statistics::lag_correlation(samples, 2), c * c, slack);
}

TEST(Correlation, OfEachKeepsTheMean) {
  for (const auto& [percent, correlation] : std::vector<std::pair<double, double>>{{10, 25}, {2, 80}}) {
    const Probability p = Probability::percent(percent), like = Probability::percent(correlation);
    DirectionConditions c;
    c.duplicate = {p, like};
    expect_correlated(struck(c, kDuplicated), percent / 100, correlation / 100);
    c = {};
    c.corrupt = {p, 1, false, like};
    expect_correlated(struck(c, kCorrupted), percent / 100, correlation / 100);
    c = {};
    c.reorder = {p, 3, {}, like};
    expect_correlated(struck(c, kReordered), percent / 100, correlation / 100);
  }
}

TEST(ReorderGap, AtAllEveryNthIsMoved) {
  DirectionConditions c;
  c.reorder = {Probability::percent(100), 3, {}, {}, 5};
  const auto moved = struck(c, kReordered, 1000);
  for (std::size_t i = 0; i < moved.size(); ++i) ASSERT_EQ(moved[i], i % 5 == 4) << i;
}

TEST(ReorderGap, SoManyLessOnePassAndThenEachIsACandidate) {
  DirectionConditions c;
  c.reorder = {Probability::percent(25), 3, {}, {}, 5};
  std::vector<std::uint64_t> waits;
  std::uint64_t passed = 0;
  for (const bool is_moved : struck(c, kReordered)) {
    if (!is_moved) {
      ++passed;
      continue;
    }
    ASSERT_GE(passed, 4u);
    waits.push_back(passed - 3);  // the candidates up to the one that was moved
    passed = 0;
  }
  const auto fit = statistics::fit_geometric(waits, 0.25);
  EXPECT_LT(fit.statistic, statistics::chi_square_bound(fit.degrees));
  EXPECT_GT(fit.degrees, 10u);
}

TEST(ReorderGap, NothingIsMovedWithoutAChance) {
  DirectionConditions c;
  c.reorder.gap = 5;
  for (const bool is_moved : struck(c, kReordered, 1000)) ASSERT_FALSE(is_moved);
}

/// Every fate of each of several connections, whose packets come in the order of `turns`.
using Story = std::vector<std::uint64_t>;
std::map<std::uint64_t, Story> stories(const DirectionConditions& c, const std::vector<std::uint64_t>& turns) {
  Pipeline pipeline(Direction::up, 8);
  pipeline.configure(c, kStart);
  std::map<std::uint64_t, Story> by_connection;
  std::map<std::uint64_t, std::uint64_t> counts;
  for (const std::uint64_t n : turns) {
    const ConnectionHandle handle{static_cast<std::uint32_t>(n * 3), 7};
    const Verdict v = pipeline.admit({handle, 1000 + n, counts[n]++}, 100, kStart);
    Story& story = by_connection[n];
    for (const auto number : {static_cast<std::uint64_t>(v.fate.dropped), std::uint64_t{v.fate.copies},
                              std::uint64_t{v.to_corrupt}, std::uint64_t{v.fate.reordered}}) {
      story.push_back(number);
    }
    if (!v.fate.is_dropped()) story.push_back(static_cast<std::uint64_t>((v.fate.release_at[0] - kStart).count()));
  }
  return by_connection;
}

std::vector<std::uint64_t> shuffled(std::vector<std::uint64_t> turns) {
  const RandomStream numbers(5);
  for (std::size_t i = turns.size() - 1; i > 0; --i) std::swap(turns[i], turns[numbers.at(i) % (i + 1)]);
  return turns;
}

std::vector<DirectionConditions> with_each_memory(Scope per) {
  std::vector<LossSettings> models(7);
  models[0].model = RandomLoss{Probability::percent(10)};
  models[0].correlation = Probability::percent(50);
  models[1].model = GilbertElliott{Probability::percent(5), Probability::percent(30)};
  models[2].model = BurstLoss{Probability::percent(10), 3000};
  models[3].model = MarkovLoss{Probability::percent(5), Probability::percent(30), Probability::percent(10),
                               Probability::percent(40), Probability::percent(2)};
  models[4].model = EveryLoss{7};
  models[5].model = ListLoss{{1, 2, 50}};
  models[6].model = PatternLoss{"..x.xx"};
  std::vector<DirectionConditions> all;
  for (LossSettings& loss : models) {
    loss.per = per;
    DirectionConditions c;
    c.loss = loss;
    all.push_back(c);
  }
  DirectionConditions c;
  c.delay = {100ms, 10ms, Distribution::normal, true, Probability::percent(60), per};
  c.duplicate = {Probability::percent(20), Probability::percent(60), per};
  c.corrupt = {Probability::percent(20), 1, false, Probability::percent(60), per};
  c.reorder = {Probability::percent(20), 0, 5ms, Probability::percent(60), 4, per};
  c.loss = models[2];
  all.push_back(c);
  return all;
}

TEST(PerConnection, FatesDoNotHangOnHowConnectionsInterleave) {
  constexpr std::uint64_t kConnections = 20, kEach = 300;
  std::vector<std::uint64_t> turns;
  for (std::uint64_t i = 0; i < kConnections * kEach; ++i) turns.push_back(i / kEach);
  for (const DirectionConditions& c : with_each_memory(Scope::connection)) {
    const auto one_after_the_other = stories(c, turns);
    EXPECT_EQ(one_after_the_other, stories(c, shuffled(turns)));
    // And not because nothing happened.
    bool was_struck = false;
    for (const std::uint64_t number : one_after_the_other.at(3)) was_struck = was_struck || number == 1;
    EXPECT_TRUE(was_struck);
  }
}

TEST(PerConnection, ByDefaultTheLinkHasTheMemory) {
  std::vector<std::uint64_t> turns;
  for (std::uint64_t i = 0; i < 2000; ++i) turns.push_back(i / 200);
  for (const DirectionConditions& c : with_each_memory(Scope::link)) {
    EXPECT_NE(stories(c, turns), stories(c, shuffled(turns)));
  }
}

TEST(PerConnection, EachCountsForItself) {
  DirectionConditions c;
  c.loss.model = EveryLoss{3};
  c.loss.per = Scope::connection;
  Pipeline pipeline(Direction::up, 1);
  pipeline.configure(c, kStart);
  for (std::uint64_t i = 0; i < 30; ++i) {
    for (std::uint32_t n = 1; n < 4; ++n) {
      ASSERT_EQ(pipeline.admit({{n, 1}, n, i}, 100, kStart).fate.is_dropped(), i % 3 == 2);
    }
  }
}

TEST(PerConnection, ARecordsNextConnectionStartsAnew) {
  DirectionConditions c;
  c.loss.model = ListLoss{{1}};
  c.loss.per = Scope::connection;
  Pipeline pipeline(Direction::up, 1);
  pipeline.configure(c, kStart);
  const auto is_lost = [&](ConnectionHandle handle, std::uint64_t k) {
    return pipeline.admit({handle, handle.generation, k}, 100, kStart).fate.is_dropped();
  };
  EXPECT_TRUE(is_lost({5, 1}, 0));
  EXPECT_FALSE(is_lost({5, 1}, 1));
  EXPECT_TRUE(is_lost({5, 2}, 0)) << "another connection in the same record";
  EXPECT_TRUE(is_lost({}, 0)) << "those without a connection have a memory of their own";
  EXPECT_FALSE(is_lost({}, 1));
}

TEST(PerConnection, WhatWasHalfOpenKeepsItsMemory) {
  DirectionConditions c;
  c.loss.model = EveryLoss{3};
  c.loss.per = Scope::connection;
  Pipeline pipeline(Direction::up, 1);
  pipeline.configure(c, kStart);
  const auto is_lost = [&](ConnectionHandle handle, std::uint64_t flow_key, std::uint64_t k) {
    return pipeline.admit({handle, flow_key, k}, 100, kStart).fate.is_dropped();
  };
  const ConnectionHandle half_open{kHalfOpenHandle | 7, 1};
  EXPECT_FALSE(is_lost(half_open, 71, 0));
  EXPECT_FALSE(is_lost({kHalfOpenHandle | 7, 2}, 72, 0)) << "another one in the same place";
  EXPECT_FALSE(is_lost({5, 1}, 71, 1));
  EXPECT_TRUE(is_lost({5, 1}, 71, 2)) << "its third packet, the SYN counted";
  EXPECT_FALSE(is_lost({6, 1}, 71, 0)) << "its memory went with it";
}

TEST(PerConnection, ABurstKeepsItsMeanAndLength) {
  DirectionConditions c;
  c.loss.model = BurstLoss{Probability::percent(10), 4000};
  c.loss.per = Scope::connection;
  std::vector<std::vector<bool>> lost(10);
  Pipeline pipeline(Direction::up, 42);
  pipeline.configure(c, kStart);
  for (std::uint64_t i = 0; i < statistics::kPackets; ++i) {
    const std::uint64_t n = i % lost.size();
    const ConnectionHandle handle{static_cast<std::uint32_t>(n), 1};
    lost[n].push_back(pipeline.admit({handle, n, i / lost.size()}, 100, kStart).fate.is_dropped());
  }
  std::vector<std::uint64_t> runs;
  double sum = 0;
  for (const auto& samples : lost) {
    const auto more = statistics::runs_of(samples, true);
    runs.insert(runs.end(), more.begin(), more.end());
    const auto estimate = statistics::estimate_mean(samples);
    EXPECT_NEAR(estimate.mean, 0.1, 5 * estimate.error);
    sum += estimate.mean;
  }
  EXPECT_NEAR(sum / 10, 0.1, 0.005);
  const auto fit = statistics::fit_geometric(runs, 0.25);
  EXPECT_LT(fit.statistic, statistics::chi_square_bound(fit.degrees));
}

}  // namespace
