#include "emulator/chance/random.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <vector>

#include "tests/emulator/statistics.h"

namespace {

using namespace wobble;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(Random, GeneratorIsSplitMix64) {
  // The published generator's first numbers for seed 0.
  const RandomStream stream(0);
  EXPECT_EQ(stream.at(0), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(stream.at(1), 0x6e789e6aa1b965f4ULL);
  EXPECT_EQ(stream.at(2), 0x06c45d188009454fULL);
}

TEST(Random, NumbersArePinned) {
  // Whoever changes these changes what every seed means: kRandomVersion must change with them.
  EXPECT_STREQ(kRandomVersion, "splitmix64-1");
  EXPECT_EQ(stream_for(42, 0, Stage::loss, 7).at(0), 13463417262885359744ULL);
  EXPECT_EQ(stream_for(42, 0, Stage::loss, 7).at(1'000'000), 16751213941310508293ULL);
  EXPECT_EQ(stream_for(42, 1, Stage::delay, 7).at(0), 7110859012439836338ULL);
  EXPECT_EQ(number_for_copy(1), 132297946315314195ULL);
  EXPECT_EQ(uniform_offset(0x123456789abcdef0ULL, kSecond), -857'777'778);
  EXPECT_EQ(normal_offset(0x123456789abcdef0ULL, kSecond), -1'467'571'409);
  EXPECT_EQ(normal_offset(0xfedcba9876543210ULL, kSecond), 11'140'878);
  EXPECT_EQ(normal_offset(0x0000000000000001ULL, kSecond), -9'035'918'849);
  EXPECT_EQ(normal_offset(0x0000000123456789ULL, kSecond), -6'210'010'160);
}

TEST(Random, StreamsDiffer) {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed : {0, 1, 2}) {
    for (const std::uint8_t direction : {std::uint8_t{0}, std::uint8_t{1}}) {
      for (std::uint8_t stage = 1; stage <= 7; ++stage) {
        for (std::uint64_t flow = 0; flow < 100; ++flow) {
          first.insert(stream_for(seed, direction, static_cast<Stage>(stage), flow).at(0));
        }
      }
    }
  }
  EXPECT_EQ(first.size(), 3u * 2 * 7 * 100);
}

TEST(Random, HitIsExact) {
  EXPECT_FALSE(is_hit(0, Probability{0}));
  EXPECT_TRUE(is_hit(kMost, Probability{Probability::kOne}));
  EXPECT_TRUE(is_hit(kMost / 2, Probability{500'000'000}));
  EXPECT_FALSE(is_hit(kMost / 2 + 1, Probability{500'000'000}));
  // One part per billion: 2^64 / 10^9 = 18,446,744,073.7...
  EXPECT_TRUE(is_hit(18'446'744'073ULL, Probability{1}));
  EXPECT_FALSE(is_hit(18'446'744'074ULL, Probability{1}));
}

TEST(Random, UniformReachesBothEndsAndNoFarther) {
  EXPECT_EQ(uniform_offset(0, 5), -5);
  EXPECT_EQ(uniform_offset(kMost, 5), 5);
  EXPECT_EQ(uniform_offset(kMost, 0), 0);
  std::vector<double> observed(11, 0.0);
  const RandomStream stream(1);
  constexpr int kDraws = 1'000'000;
  for (int i = 0; i < kDraws; ++i) ++observed[static_cast<std::size_t>(uniform_offset(stream.at(i), 5) + 5)];
  const std::vector<double> expected(11, kDraws / 11.0);
  EXPECT_LT(statistics::chi_square(observed, expected), statistics::chi_square_bound(10));
}

TEST(Random, NormalIsSymmetric) {
  const RandomStream stream(3);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t number = stream.at(i);
    ASSERT_EQ(normal_offset(number, kSecond), -normal_offset(number ^ (1ULL << 63), kSecond));
  }
}

TEST(Random, NormalNeverFallsWithItsNumber) {
  // Above the middle a larger number lies nearer to it.
  const std::uint64_t top = 1ULL << 63;
  std::int64_t last = normal_offset(top, kSecond);
  for (int octave = 0; octave < 63; ++octave) {
    for (std::uint64_t part = 0; part < 256; ++part) {
      const std::uint64_t number =
          top | ((1ULL << octave) +
                 static_cast<std::uint64_t>((static_cast<double>(1ULL << octave) / 256) * static_cast<double>(part)));
      const std::int64_t value = normal_offset(number, kSecond);
      ASSERT_LE(value, last) << number;
      last = value;
    }
  }
  EXPECT_EQ(normal_offset(kMost, kSecond), 0);
}

TEST(Random, NormalQuantilesAreRightFarIntoTheTail) {
  // P(Z > z) = probability; from tables of the normal distribution.
  const struct {
    double probability, z;
  } known[] = {{0.25, 0.6744897502}, {0.1, 1.2815515655},  {0.025, 1.9599639845}, {1e-3, 3.0902323062},
               {1e-6, 4.7534243088}, {1e-9, 5.9978070150}, {1e-12, 7.0344838253}, {1e-15, 7.9413453262}};
  for (const auto& k : known) {
    const auto number = (1ULL << 63) | static_cast<std::uint64_t>(k.probability * 18446744073709551616.0);
    EXPECT_NEAR(static_cast<double>(normal_offset(number, kSecond)) / 1e9, k.z, 2e-5) << k.probability;
  }
  EXPECT_GT(normal_offset(1ULL << 63, kSecond), 9 * kSecond);
}

TEST(Random, NormalFitsItsDistribution) {
  constexpr std::size_t kDraws = 1'000'000;
  const RandomStream stream(4);
  std::vector<double> samples(kDraws);
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < kDraws; ++i) {
    samples[i] = static_cast<double>(normal_offset(stream.at(i), kSecond)) / 1e9;
    sum += samples[i];
    squares += samples[i] * samples[i];
  }
  EXPECT_LT(std::abs(sum / kDraws), 5 / std::sqrt(kDraws));
  EXPECT_LT(std::abs(squares / kDraws - 1), 5 * std::sqrt(2.0 / kDraws));
  EXPECT_LT(statistics::kolmogorov_distance(samples, statistics::normal_cdf), statistics::kolmogorov_bound(kDraws));
}

TEST(Random, ScalesDoNotOverflow) {
  const std::int64_t ten_minutes = kMaxDelay.count();
  EXPECT_NEAR(static_cast<double>(normal_offset(1ULL << 63, ten_minutes)), 9.155e0 * static_cast<double>(ten_minutes),
              1e-3 * static_cast<double>(ten_minutes));
  EXPECT_EQ(uniform_offset(kMost, ten_minutes), ten_minutes);
  EXPECT_EQ(uniform_offset(0, ten_minutes), -ten_minutes);
}

}  // namespace
