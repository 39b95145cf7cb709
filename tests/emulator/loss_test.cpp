// Models of loss with a memory, over 10^6 packets in virtual time, within the bounds of statistics.h.

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/emulator/lane.h"
#include "tests/emulator/statistics.h"

namespace {

using namespace wobble;

/// For each packet: was it lost? Of several flows in turn, since these models belong to the link.
std::vector<bool> losses(const LossSettings& loss, std::uint64_t packets = statistics::kPackets,
                         std::uint64_t flows = 3) {
  DirectionConditions c;
  c.loss = loss;
  Pipeline pipeline(Direction::up, 42);
  pipeline.configure(c, kStart);
  std::vector<bool> lost;
  lost.reserve(packets);
  for (std::uint64_t i = 0; i < packets; ++i) {
    lost.push_back(pipeline.admit({{}, 7 + i % flows, i / flows}, 1000, kStart).fate.dropped == DropReason::loss);
  }
  return lost;
}

void expect_mean(const std::vector<bool>& lost, double mean) {
  const auto estimate = statistics::estimate_mean(lost);
  EXPECT_NEAR(estimate.mean, mean, 5 * estimate.error);
  EXPECT_LT(estimate.error, mean / 10) << "the bound means something";
}

void expect_geometric(const std::vector<std::uint64_t>& lengths, double q) {
  const auto fit = statistics::fit_geometric(lengths, q);
  EXPECT_LT(fit.statistic, statistics::chi_square_bound(fit.degrees));
  EXPECT_GT(fit.degrees, 3u);
}

TEST(CorrelatedLoss, KeepsTheMeanAndResemblesTheLast) {
  for (const auto& [percent, correlation] : std::vector<std::pair<double, double>>{{10, 25}, {1, 50}, {50, 90}}) {
    LossSettings loss;
    loss.model = RandomLoss{Probability::percent(percent)};
    loss.correlation = Probability::percent(correlation);
    const auto lost = losses(loss);
    expect_mean(lost, percent / 100);
    const double slack = statistics::correlation_slack(lost);
    EXPECT_NEAR(statistics::lag_correlation(lost, 1), correlation / 100, slack);
    EXPECT_NEAR(statistics::lag_correlation(lost, 2), correlation * correlation / 1e4, slack);
    EXPECT_LT(slack, 0.08);
  }
}

TEST(CorrelatedLoss, BelongsToTheLinkAndTheUncorrelatedToTheFlow) {
  LossSettings loss;
  loss.model = RandomLoss{Probability::percent(10)};
  EXPECT_NE(losses(loss, 1000, 1), losses(loss, 1000, 3));
  loss.correlation = Probability::percent(25);
  EXPECT_EQ(losses(loss, 1000, 1), losses(loss, 1000, 3));
}

TEST(CorrelatedLoss, StartsAsItGoesOn) {
  // The mean over many links' first packets, not only in the long run.
  DirectionConditions c;
  c.loss.model = RandomLoss{Probability::percent(20)};
  c.loss.correlation = Probability::percent(95);
  constexpr int kLinks = 20'000;
  int lost = 0;
  for (int seed = 0; seed < kLinks; ++seed) {
    Lane lane(c, static_cast<std::uint64_t>(seed));
    lane.admit(kStart);
    lost += lane.admit(kStart).fate.is_dropped();
  }
  EXPECT_NEAR(lost, kLinks * 0.2, statistics::binomial_slack(kLinks, 0.2));
}

TEST(BurstLoss, LosesTheMeanInRunsOfTheLength) {
  for (const auto& [percent, length] :
       std::vector<std::pair<double, std::uint32_t>>{{1, 5000}, {20, 2500}, {5, 1000}}) {
    LossSettings loss;
    loss.model = BurstLoss{Probability::percent(percent), length};
    const auto lost = losses(loss);
    expect_mean(lost, percent / 100);
    const auto runs = statistics::runs_of(lost, true);
    if (length == 1000) {
      EXPECT_EQ(*std::max_element(runs.begin(), runs.end()), 1u) << "never two in a row";
    } else {
      expect_geometric(runs, 1000.0 / length);
    }
    const double loss_rate = percent / 100;
    expect_geometric(statistics::runs_of(lost, false), loss_rate * 1000 / length / (1 - loss_rate));
  }
}

TEST(MarkovLoss, BurstsLastAsLongAsTheirState) {
  LossSettings loss;
  loss.model = MarkovLoss{
      Probability::percent(1), Probability::percent(10), Probability::percent(20), Probability::percent(30), {0}};
  const auto lost = losses(loss);
  expect_geometric(statistics::runs_of(lost, true), 0.3);
  // In the long run what enters a state leaves it: 1 → 3 as often as 3 → 1, and 2 ↔ 3 likewise.
  const double in_1 = 0.1 / 0.01, in_2 = 0.2 / 0.3;
  expect_mean(lost, 1 / (in_1 + in_2 + 1));
}

TEST(MarkovLoss, LonePacketsAreLostAlone) {
  LossSettings loss;
  loss.model = MarkovLoss{{0}, {0}, {0}, {0}, Probability::percent(5)};
  const auto lost = losses(loss);
  const auto runs = statistics::runs_of(lost, true);
  EXPECT_EQ(*std::max_element(runs.begin(), runs.end()), 1u);
  expect_geometric(statistics::runs_of(lost, false), 0.05);
  expect_mean(lost, 0.05 / 1.05);
}

TEST(MarkovLoss, AllFourStatesTogether) {
  LossSettings loss;
  loss.model = MarkovLoss{Probability::percent(2), Probability::percent(30), Probability::percent(20),
                          Probability::percent(40), Probability::percent(3)};
  const double in_1 = 0.3 / 0.02, in_2 = 0.2 / 0.4, in_4 = in_1 * 0.03;
  expect_mean(losses(loss), (1 + in_4) / (in_1 + in_2 + 1 + in_4));
}

TEST(MeanLoss, IsWhatEachModelDelivers) {
  const auto percent = [](double p) { return Probability::percent(p); };
  std::vector<LossSettings> models(6);
  models[0].model = RandomLoss{percent(7)};
  models[1].model = BurstLoss{percent(6), 3000};
  models[2].model = GilbertElliott{percent(3), percent(30), percent(80), percent(1)};
  models[3].model = MarkovLoss{percent(2), percent(30), percent(20), percent(40), percent(3)};
  models[4].model = EveryLoss{9};
  models[5].model = PatternLoss{"x...x."};
  for (const LossSettings& loss : models) {
    const auto lost = losses(loss, 300'000);
    const double share = static_cast<double>(std::count(lost.begin(), lost.end(), true)) / 300'000;
    EXPECT_NEAR(share, mean_loss(loss), 0.006);
    EXPECT_GT(mean_loss(loss), 0.04);
  }
}

TEST(LossRuns, AreThoseThatTheModelLost) {
  LossSettings loss;
  loss.model = BurstLoss{Probability::percent(5), 3000};
  DirectionConditions c;
  c.loss = loss;
  Lane lane(c);
  std::vector<bool> lost;
  for (int i = 0; i < 20'000; ++i) lost.push_back(lane.admit(kStart).fate.is_dropped());
  const auto runs = statistics::runs_of(lost, true);
  const std::size_t last = lost.back() ? 1 : 0;  // runs_of() leaves out what has not ended
  EXPECT_EQ(lane.pipeline.loss_runs().lost, static_cast<std::uint64_t>(std::count(lost.begin(), lost.end(), true)));
  EXPECT_NEAR(static_cast<double>(lane.pipeline.loss_runs().runs), static_cast<double>(runs.size()),
              static_cast<double>(1 + last));
  EXPECT_NEAR(static_cast<double>(lane.pipeline.loss_runs().lost) / static_cast<double>(lane.pipeline.loss_runs().runs),
              3, 0.4);
}

TEST(LossRuns, OfAModelPerConnectionAreEachConnections) {
  DirectionConditions c;
  c.loss.model = PatternLoss{"xx.."};
  c.loss.per = Scope::connection;
  Lane lane(c);
  // Two connections in turn: xx.. of each, though four are lost in a row on the link.
  for (std::uint64_t i = 0; i < 16; ++i) {
    const auto connection = static_cast<std::uint32_t>(i % 2);
    lane.pipeline.admit({{connection, 1}, connection, i / 2}, 100, kStart);
  }
  EXPECT_EQ(lane.pipeline.loss_runs().lost, 8u);
  EXPECT_EQ(lane.pipeline.loss_runs().runs, 4u);
}

TEST(CountedLoss, EveryNth) {
  LossSettings loss;
  loss.model = EveryLoss{3};
  EXPECT_EQ(losses(loss, 7), (std::vector<bool>{false, false, true, false, false, true, false}));
  loss.model = EveryLoss{1};
  EXPECT_EQ(losses(loss, 3), (std::vector<bool>{true, true, true}));
}

TEST(CountedLoss, Listed) {
  LossSettings loss;
  loss.model = ListLoss{{1, 2, 5}};
  EXPECT_EQ(losses(loss, 7), (std::vector<bool>{true, true, false, false, true, false, false}));
}

TEST(CountedLoss, PatternRepeats) {
  LossSettings loss;
  loss.model = PatternLoss{".xx."};
  EXPECT_EQ(losses(loss, 7), (std::vector<bool>{false, true, true, false, false, true, true}));
}

TEST(CountedLoss, CountsFromWhenItWasSet) {
  DirectionConditions c;
  c.loss.model = ListLoss{{2}};
  Lane lane(c);
  EXPECT_FALSE(lane.admit(kStart).fate.is_dropped());
  c.delay.time = Duration(1);
  lane.set(c, kStart);
  EXPECT_TRUE(lane.admit(kStart).fate.is_dropped()) << "another setting does not begin it anew";
  EXPECT_FALSE(lane.admit(kStart).fate.is_dropped());
  c.loss.model = ListLoss{{1}};
  lane.set(c, kStart);
  EXPECT_TRUE(lane.admit(kStart).fate.is_dropped());
}

}  // namespace
