// The normal distribution comes from a table of its inverse CDF, since std::normal_distribution, and the log, exp and
// erf of different C libraries, differ from machine to machine. The table is computed at first use with + - * / and
// sqrt alone, which IEEE 754 rounds the same everywhere (and which are compiled without fused multiply-add), and is
// then rounded to integers; drawing from it is integer arithmetic.
//
// Its knots are spaced by octaves of the tail's probability, 64 to each, so that the tail is as smooth as the middle:
// interpolating linearly between them is off by less than 2e-5 sigma, and the last knot stands at 9.1 sigma.

#include "emulator/chance/random.h"

#include <array>
#include <bit>
#include <cmath>

namespace wobble {
namespace {

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

__extension__ typedef unsigned __int128 Wide;

constexpr std::uint64_t high_product(std::uint64_t a, std::uint64_t b) noexcept {
  return static_cast<std::uint64_t>((Wide{a} * b) >> 64);
}

constexpr int kOctaves = 64;
constexpr int kBinBits = 6;
constexpr int kBins = 1 << kBinBits;
constexpr int kFraction = 32;  // z is kept in units of 2^-32 sigma

/// exp(-x) for x >= 0.
double exp_of_minus(double x) {
  // exp(-x) = exp(-x / 2^n)^(2^n), with x / 2^n small enough for a short series.
  int halvings = 0;
  while (x > 0.125) {
    x /= 2;
    ++halvings;
  }
  double term = 1, sum = 1;
  for (int n = 1; n <= 12; ++n) {
    term *= -x / n;
    sum += term;
  }
  for (int i = 0; i < halvings; ++i) sum *= sum;
  return sum;
}

double density(double z) {
  constexpr double kPi = 3.14159265358979323846;
  return exp_of_minus(z * z / 2) / std::sqrt(2 * kPi);
}

/// The normal distribution's upper tail, P(Z > z) for z >= 0.
double tail(double z) {
  if (z < 3) {
    // P(0 < Z < z) = density(z) * (z + z^3 / 3 + z^5 / (3 * 5) + ...), Abramowitz and Stegun 26.2.11
    double term = z, sum = z;
    for (int n = 3; n < 140; n += 2) {
      term *= z * z / n;
      sum += term;
    }
    return 0.5 - density(z) * sum;
  }
  // P(Z > z) = density(z) / (z + 1 / (z + 2 / (z + 3 / ...))), Abramowitz and Stegun 26.2.14
  double fraction = z;
  for (int n = 120; n > 0; --n) fraction = z + n / fraction;
  return density(z) / fraction;
}

/// Knot (octave, bin) is z where P(Z > z) = 2^-(octave + 2) * (1 + bin / 64); they lie in the order of that
/// probability, from 2^-65 to 1/2, where z is 0.
class NormalTable {
 public:
  NormalTable() {
    double z = 0;
    knots_.back() = 0;
    double scale = 0.25;
    for (int octave = 0; octave < kOctaves; ++octave, scale /= 2) {
      for (int bin = kBins - 1; bin >= 0; --bin) {
        const double q = scale * (1 + static_cast<double>(bin) / kBins);
        for (int step = 0; step < 6; ++step) z += (tail(z) - q) / density(z);  // Newton
        knots_[index(octave, bin)] = std::llround(z * static_cast<double>(std::int64_t{1} << kFraction));
      }
    }
  }

  /// z for P(Z > z) = w / 2^65, in units of 2^-32; w is not 0.
  std::uint64_t z_of(std::uint64_t w) const noexcept {
    const int octave = std::countl_zero(w);
    const std::uint64_t mantissa = w << octave;  // 1, six bits of bin, 57 of the way to the next knot
    const int bin = static_cast<int>((mantissa >> 57) & (kBins - 1));
    const auto way = static_cast<std::int64_t>((mantissa >> 25) & 0xffffffff);
    const std::size_t i = index(octave, bin);
    return static_cast<std::uint64_t>(knots_[i] - (((knots_[i] - knots_[i + 1]) * way) >> 32));
  }

 private:
  static constexpr std::size_t index(int octave, int bin) noexcept {
    return static_cast<std::size_t>(kOctaves - 1 - octave) * kBins + static_cast<std::size_t>(bin);
  }
  std::array<std::int64_t, kOctaves * kBins + 1> knots_{};
};

const NormalTable& normal_table() noexcept {
  static const NormalTable table;
  return table;
}

}  // namespace

StageStreams::StageStreams(std::uint64_t seed, std::uint8_t direction, Stage stage) noexcept
    : key_(mix64(mix64(seed + kGolden) + (std::uint64_t{direction} << 8 | static_cast<std::uint64_t>(stage)))) {}

RandomStream stream_for(std::uint64_t seed, std::uint8_t direction, Stage stage, std::uint64_t flow_key) noexcept {
  return StageStreams(seed, direction, stage).for_flow(flow_key);
}

bool is_hit(std::uint64_t number, Probability p) noexcept {
  return Wide{number} * Probability::kOne < Wide{p.parts_per_billion} << 64;
}

bool is_hit(std::uint64_t number, Ratio p) noexcept { return Wide{number} * p.denominator < Wide{p.numerator} << 64; }

std::int64_t uniform_offset(std::uint64_t number, std::int64_t scale) noexcept {
  const std::uint64_t range = 2 * static_cast<std::uint64_t>(scale) + 1;
  return static_cast<std::int64_t>(high_product(number, range)) - scale;
}

std::int64_t normal_quantile(std::uint64_t number) noexcept {
  const auto z = static_cast<std::int64_t>(normal_table().z_of(number << 1 | 1));
  return (number >> 63) != 0 ? z : -z;
}

std::int64_t normal_offset(std::uint64_t number, std::int64_t scale) noexcept {
  // The top bit is the sign, the rest the tail's probability.
  const std::uint64_t z = normal_table().z_of(number << 1 | 1);
  const Wide scaled = Wide{z} * static_cast<std::uint64_t>(scale) + (Wide{1} << (kFraction - 1));
  const auto magnitude = static_cast<std::int64_t>(static_cast<std::uint64_t>(scaled >> kFraction));
  return (number >> 63) != 0 ? magnitude : -magnitude;
}

}  // namespace wobble
