// The distributions of jitter as they are meant, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "emulator/conditions/conditions.h"
#include "tests/emulator/statistics.h"

namespace wobble::shapes {

/// The quantile functions that are meant, at u in (0, 1), in deviations.
inline double normal(double u) {
  double low = -12, high = 12;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (statistics::normal_cdf(middle) < u ? low : high) = middle;
  }
  return low;
}
inline double uniform(double u) { return 2 * u - 1; }
inline double pareto(double u) { return (std::pow(1 - u, -1.0 / 3) - 1.5) * 2 / std::sqrt(3.0); }
inline double paretonormal(double u) {
  return (normal(u) + 4 * (std::pow(1 - u, -1.0 / 3) - 1.5)) / std::sqrt(13 + 8 * 0.5874707484783331);
}

struct Shape {
  const char* name;
  Distribution distribution;
  double (*quantile)(double);
  double deviation;
};
inline constexpr Shape kShapes[] = {{"uniform", Distribution::uniform, uniform, 0.57735026919},
                                    {"normal", Distribution::normal, normal, 1},
                                    {"pareto", Distribution::pareto, pareto, 1},
                                    {"paretonormal", Distribution::paretonormal, paretonormal, 1}};

/// Kolmogorov and Smirnov's test at every thousandth sample: it lies between the quantiles that the largest distance
/// allows. `widening` is for samples that resemble each other.
inline void expect_quantiles(std::vector<double> samples, double (*quantile)(double), double widening = 1) {
  std::sort(samples.begin(), samples.end());
  const auto n = static_cast<double>(samples.size());
  const double slack = statistics::kolmogorov_bound(samples.size()) * widening;
  for (std::size_t i = 500; i < samples.size(); i += 1000) {
    const double u = static_cast<double>(i) / n;
    if (u - slack > 0) {
      ASSERT_GE(samples[i], quantile(u - slack) - 1e-6) << u;
    }
    if (u + slack < 1) {
      ASSERT_LE(samples[i], quantile(u + slack) + 1e-6) << u;
    }
  }
}

}  // namespace wobble::shapes
