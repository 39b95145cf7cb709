// Bounds for tests of chance. Each is crossed with a probability below 1e-6 if the thing tested is right; as seeds are
// fixed, a test that passes once passes always.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace wobble::statistics {

/// So many are enough for these bounds to be narrow.
inline constexpr std::uint64_t kPackets = 1'000'000;

/// How far from n * p a binomial count may be: 5 standard deviations (two-sided 6e-7).
inline double binomial_slack(double n, double p) { return 5 * std::sqrt(n * p * (1 - p)) + 1; }

/// The chi-square quantile at 1 - 1e-6 (Wilson and Hilferty's approximation).
inline double chi_square_bound(std::size_t degrees) {
  const double k = static_cast<double>(degrees);
  const double root = 1 - 2 / (9 * k) + 4.7534 * std::sqrt(2 / (9 * k));
  return k * root * root * root;
}

/// sum (observed - expected)^2 / expected.
inline double chi_square(const std::vector<double>& observed, const std::vector<double>& expected) {
  double sum = 0;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    sum += (observed[i] - expected[i]) * (observed[i] - expected[i]) / expected[i];
  }
  return sum;
}

/// Chi-square of how long runs are against P(length = k) = q * (1 - q)^(k - 1), in bins of at least 50 expected.
struct GeometricFit {
  double statistic = 0;
  std::size_t degrees = 0;
};
inline GeometricFit fit_geometric(const std::vector<std::uint64_t>& lengths, double q) {
  const double n = static_cast<double>(lengths.size());
  std::vector<double> observed, expected;
  std::vector<std::uint64_t> sorted = lengths;
  std::sort(sorted.begin(), sorted.end());
  std::uint64_t from = 1;  // the bin holds lengths from..to
  auto next = sorted.begin();
  while (n * std::pow(1 - q, static_cast<double>(from - 1)) > 100) {
    std::uint64_t to = from;
    const auto share = [&] {
      return std::pow(1 - q, static_cast<double>(from - 1)) - std::pow(1 - q, static_cast<double>(to));
    };
    while (n * share() < 50) ++to;
    const auto end = std::upper_bound(next, sorted.end(), to);
    observed.push_back(static_cast<double>(end - next));
    expected.push_back(n * share());
    next = end;
    from = to + 1;
  }
  observed.push_back(static_cast<double>(sorted.end() - next));
  expected.push_back(n * std::pow(1 - q, static_cast<double>(from - 1)));
  return {chi_square(observed, expected), observed.size() - 1};
}

/// Kolmogorov and Smirnov's largest distance between the samples' distribution and `cdf`.
template <typename Cdf>
double kolmogorov_distance(std::vector<double> samples, Cdf cdf) {
  std::sort(samples.begin(), samples.end());
  const double n = static_cast<double>(samples.size());
  double distance = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double p = cdf(samples[i]);
    distance =
        std::max({distance, std::abs(p - static_cast<double>(i) / n), std::abs(static_cast<double>(i + 1) / n - p)});
  }
  return distance;
}
inline double kolmogorov_bound(std::size_t n) { return std::sqrt(std::log(2e6) / 2 / static_cast<double>(n)); }

/// The mean of dependent samples, and its standard error from the means of 1,000 blocks, each far longer than the
/// memory.
struct MeanEstimate {
  double mean = 0;
  double error = 0;
};
template <typename Sample>
MeanEstimate estimate_mean(const std::vector<Sample>& samples) {
  constexpr std::size_t kBlocks = 1000;
  const std::size_t length = samples.size() / kBlocks;
  double sum = 0, squares = 0;
  for (std::size_t block = 0; block < kBlocks; ++block) {
    double mean = 0;
    for (std::size_t i = block * length; i < (block + 1) * length; ++i) mean += static_cast<double>(samples[i]);
    mean /= static_cast<double>(length);
    sum += mean;
    squares += mean * mean;
  }
  const double mean = sum / kBlocks;
  return {mean, std::sqrt((squares / kBlocks - mean * mean) / kBlocks)};
}

/// How much samples resemble those `lag` before them, from -1 to 1.
template <typename Sample>
double lag_correlation(const std::vector<Sample>& samples, std::size_t lag) {
  const auto n = static_cast<double>(samples.size());
  double sum = 0, squares = 0, products = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto x = static_cast<double>(samples[i]);
    sum += x;
    squares += x * x;
    if (i >= lag) products += x * static_cast<double>(samples[i - lag]);
  }
  const double mean = sum / n;
  return (products / (n - static_cast<double>(lag)) - mean * mean) / (squares / n - mean * mean);
}

/// How far a yes-or-no sequence's correlation may be from its own: its runs of yes decide it, each of them
/// independently.
inline double correlation_slack(const std::vector<bool>& samples) {
  double runs = 0;
  for (std::size_t i = 1; i < samples.size(); ++i) runs += samples[i] && !samples[i - 1];
  return 5 / std::sqrt(runs);
}

/// The lengths of the runs of `value` that begin and end within the samples.
inline std::vector<std::uint64_t> runs_of(const std::vector<bool>& samples, bool value) {
  std::vector<std::uint64_t> runs;
  std::uint64_t length = 0;
  bool has_begun = false;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (samples[i] == value && samples[i - 1] != value) has_begun = true;
    if (!has_begun) continue;
    if (samples[i] == value) {
      ++length;
    } else if (length > 0) {
      runs.push_back(length);
      length = 0;
    }
  }
  return runs;
}

inline double normal_cdf(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

}  // namespace wobble::statistics
