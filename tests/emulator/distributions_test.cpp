// The shapes of jitter, over 10^6 packets in virtual time, with and without correlation.

#include <gtest/gtest.h>

#include <cmath>

#include "emulator/chance/jitter_shapes.h"
#include "emulator/chance/random.h"
#include "tests/emulator/lane.h"
#include "tests/emulator/shapes.h"
#include "tests/emulator/statistics.h"

namespace {

using namespace wobble;
using namespace wobble::shapes;
using namespace std::chrono_literals;

constexpr std::int64_t kSigma = 10'000'000;

/// Delays less their mean, in deviations. The mean is long enough that none is cut off at 0.
std::vector<double> jitters(const DelaySettings& delay) {
  DirectionConditions c;
  c.delay = delay;
  c.delay.time = 600s;
  c.delay.jitter = Duration(kSigma);
  c.delay.reorder = true;
  Lane lane(c, 7);
  std::vector<double> samples;
  samples.reserve(statistics::kPackets);
  for (std::uint64_t i = 0; i < statistics::kPackets; ++i) {
    samples.push_back(static_cast<double>((lane.release(kStart) - kStart - 600s).count()) / kSigma);
  }
  return samples;
}

double deviation_of(const std::vector<double>& samples) {
  double sum = 0, squares = 0;
  for (const double x : samples) {
    sum += x;
    squares += x * x;
  }
  const auto n = static_cast<double>(samples.size());
  return std::sqrt(squares / n - sum / n * sum / n);
}

TEST(Distributions, HaveTheQuantilesMeanAndDeviationAsked) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.name);
    const auto samples = jitters({{}, {}, shape.distribution});
    expect_quantiles(samples, shape.quantile);
    const auto estimate = statistics::estimate_mean(samples);
    EXPECT_NEAR(estimate.mean, 0, 5 * estimate.error);
    EXPECT_LT(estimate.error, 0.0015);
    // Pareto's fourth moment is infinite, so that the deviation of 10^6 samples is itself a matter of chance.
    EXPECT_NEAR(deviation_of(samples), shape.deviation, shape.distribution < Distribution::pareto ? 0.004 : 0.05);
  }
}

TEST(Distributions, KeepTheirQuantilesWithCorrelation) {
  for (const Shape& shape : kShapes) {
    for (const double percent : {25.0, 90.0}) {
      SCOPED_TRACE(shape.name);
      DelaySettings delay{{}, {}, shape.distribution};
      delay.correlation = Probability::percent(percent);
      const auto samples = jitters(delay);
      const double c = percent / 100;
      // The variance of a share of n such samples is (1 + c) / (1 - c) times that of n independent ones.
      expect_quantiles(samples, shape.quantile, std::sqrt((1 + c) / (1 - c)));
      // Without their tails the delays have the same correlation, and a bound that infinite moments do not spoil.
      const double most = shape.quantile(0.9);
      std::vector<double> middle;
      for (const double x : samples) middle.push_back(std::min(x, most));
      const double slack = 5 / std::sqrt(static_cast<double>(statistics::kPackets) * (1 - c));
      EXPECT_NEAR(statistics::lag_correlation(middle, 1), c, slack);
      EXPECT_NEAR(statistics::lag_correlation(middle, 2), c * c, slack);
    }
  }
}

TEST(Distributions, TheirLagOneCorrelationIsAsAsked) {
  for (const Shape& shape : kShapes) {
    SCOPED_TRACE(shape.name);
    DelaySettings delay{{}, {}, shape.distribution};
    delay.correlation = Probability::percent(50);
    EXPECT_NEAR(statistics::lag_correlation(jitters(delay), 1), 0.5,
                shape.distribution < Distribution::pareto ? 0.005 : 0.05);
  }
}

TEST(Distributions, TailsAreNotCut) {
  // The extreme numbers: q = 2^-64 and q = 1, r = 2^(64/3) and 1.
  const double longest = (std::exp2(64.0 / 3) - 1.5) * 2 / std::sqrt(3.0);
  EXPECT_NEAR(static_cast<double>(pareto_offset(0, kSigma)) / kSigma / longest, 1, 1e-7);
  EXPECT_NEAR(static_cast<double>(pareto_offset(~0ULL, kSigma)) / kSigma, -1 / std::sqrt(3.0), 1e-7);
  EXPECT_GT(pareto_offset(0, kMaxDelay.count()), 0) << "no overflow";
  EXPECT_GT(paretonormal_offset(std::uint64_t{1} << 63, kMaxDelay.count()), 0);
  EXPECT_LT(paretonormal_offset(0, kMaxDelay.count()), 0);
}

TEST(Distributions, CurvesAreExactBetweenTheKnots) {
  const RandomStream numbers(3);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    const std::uint64_t number = numbers.at(i) >> (numbers.at(i + 20'000) % 40);
    const double q = std::ldexp(static_cast<double>(number | 1), -64);
    const double expected = (std::pow(q, -1.0 / 3) - 1.5) * 2 / std::sqrt(3.0);
    const double got = static_cast<double>(pareto_offset(number, 1'000'000'000)) / 1e9;
    ASSERT_NEAR(got, expected, 2e-7 * std::max(1.0, std::abs(expected))) << number;
  }
}

TEST(Distributions, AreTheSameOnEveryMachine) {
  const RandomStream numbers(11);
  std::uint64_t digest = 0;
  const std::vector<std::int16_t> table = {-32768, -5, 0, 8192, 32767};
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    for (const std::int64_t x : {pareto_offset(numbers.at(i), kSigma), paretonormal_offset(numbers.at(i), kSigma),
                                 table_offset(numbers.at(i), kSigma, table)}) {
      digest = mix64(digest ^ static_cast<std::uint64_t>(x));
    }
  }
  EXPECT_EQ(digest, 5965978200974740380u);
}

TEST(Distributions, ATableIsDrawnFromEvenlyAndExactly) {
  DelaySettings delay{{}, {}, Distribution::table};
  delay.table = {-16384, 0, 8192, 32767};
  const std::span<const std::int16_t> values = delay.table.view();
  std::vector<double> counts(4);
  for (const double x : jitters(delay)) {
    const auto found = std::find_if(values.begin(), values.end(),
                                    [&](std::int16_t value) { return std::abs(x - value / 8192.0) < 1.0 / kSigma; });
    ASSERT_NE(found, values.end()) << x;
    ++counts[static_cast<std::size_t>(found - values.begin())];
  }
  EXPECT_LT(statistics::chi_square(counts, std::vector<double>(4, statistics::kPackets / 4.0)),
            statistics::chi_square_bound(3));
}

TEST(Distributions, CorrelatedJitterKeepsTheOrder) {
  DirectionConditions c;
  c.delay = {20ms, 15ms, Distribution::pareto, false, Probability::percent(80)};
  Lane lane(c);
  TimePoint last = kStart;
  for (int i = 0; i < 100'000; ++i) {
    const TimePoint release = lane.release(kStart + i * 1us);
    ASSERT_GE(release, last);
    last = release;
  }
}

TEST(Distributions, CorrelationBelongsToTheLinkUnlessToTheConnection) {
  DirectionConditions c;
  c.delay = {1s, 10ms, Distribution::normal, true, Probability::percent(90)};
  const auto second_is_like_first = [&](bool of_one_connection) {
    Pipeline pipeline(Direction::up, 3);
    pipeline.configure(c, kStart);
    int alike = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      const auto index = static_cast<std::uint32_t>(1 + 2 * i);
      const std::uint32_t other = of_one_connection ? index : index + 1;
      const TimePoint first = pipeline.admit({{index, 1}, index, 0}, 100, kStart).fate.release_at[0];
      alike += pipeline.admit({{other, 1}, other, of_one_connection}, 100, kStart).fate.release_at[0] == first;
    }
    return alike;
  };
  EXPECT_GT(second_is_like_first(false), 850);
  c.delay.per = Scope::connection;
  EXPECT_LT(second_is_like_first(false), 5);
  EXPECT_GT(second_is_like_first(true), 850);
}

}  // namespace
