#include "emulator/chance/jitter_shapes.h"

#include <array>
#include <bit>

#include "emulator/chance/random.h"

namespace wobble {
namespace {

// Pareto with a = 3 is r = q^(-1/3), where q is uniform; its mean is 3/2 and its variance 3/4. The cube roots come from
// one octave of q in 1,024 steps, found by bisection and interpolated linearly (off by less than one part in 10^7); the
// other octaves are powers of two and of its cube root away. iproute2's paretonormal adds the inverse CDFs at the same
// probability, a quarter of z and three quarters of (r - 3/2) * 4/3, hence z + 4 (r - 3/2) but for its scale, which is
// chosen here so that the deviation is what was asked. Its variance is 1 + 16 * 3/4 + 8 * E[z r], and
// E[z r] = 0.58747074847833.

__extension__ typedef unsigned __int128 Wide;
__extension__ typedef __int128 SignedWide;

constexpr int kRootBinBits = 10;
constexpr std::uint64_t kRootBins = 1 << kRootBinBits;
constexpr int kKnotFraction = 38;

/// Knot b is (1 + b / 1024)^(-1/3) in units of 2^-38: the greatest x with x^3 (1024 + b) <= 1024 * 2^(3 * 38).
class CubeRoots {
 public:
  CubeRoots() noexcept {
    const Wide limit = Wide{1} << (3 * kKnotFraction + kRootBinBits);
    for (std::uint64_t bin = 0; bin <= kRootBins; ++bin) {
      std::uint64_t x = 0;
      for (std::uint64_t bit = std::uint64_t{1} << kKnotFraction; bit > 0; bit >>= 1) {
        const std::uint64_t more = x | bit;
        if (Wide{more} * more * more <= limit / (kRootBins + bin)) x = more;
      }
      knots_[bin] = x;
    }
  }

  /// (q / 2^64)^(-1/3) in units of 2^-32; q is not 0.
  std::int64_t inverse_root(std::uint64_t q) const noexcept {
    constexpr std::array<std::uint64_t, 3> kRootsOfTwo = {1'099'511'627'776, 1'385'297'844'439, 1'745'365'914'583};
    const int zeros = std::countl_zero(q);
    const std::uint64_t mantissa = q << zeros;  // 1, ten bits of bin, 53 of the way to the next knot
    const std::uint64_t bin = (mantissa >> 53) & (kRootBins - 1);
    const std::uint64_t way = (mantissa >> 21) & 0xffffffff;
    const std::uint64_t root = knots_[bin] - (((knots_[bin] - knots_[bin + 1]) * way) >> 32);
    const int octave = zeros + 1;
    const Wide scaled = (Wide{root} * kRootsOfTwo[static_cast<std::size_t>(octave % 3)]) << (octave / 3);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(scaled >> (kKnotFraction + 40 - 32)));
  }

 private:
  std::array<std::uint64_t, kRootBins + 1> knots_{};
};

const CubeRoots& cube_roots() noexcept {
  static const CubeRoots roots;
  return roots;
}

constexpr std::int64_t kMean = std::int64_t{3} << 31;               // 3/2 in units of 2^-32
constexpr std::int64_t kOverParetoDeviation = 4'959'401'049;        // 2 / sqrt(3), likewise
constexpr std::int64_t kOverParetonormalDeviation = 1'020'883'299;  // 1 / sqrt(13 + 8 * 0.58747...), likewise

/// x * unit * scale, where x and unit are in units of 2^-32.
std::int64_t scaled(std::int64_t x, std::int64_t unit, std::int64_t scale) noexcept {
  const SignedWide product = SignedWide{x} * unit * scale;  // below 2^125
  return static_cast<std::int64_t>((product + (SignedWide{1} << 63)) >> 64);
}

}  // namespace

std::int64_t pareto_offset(std::uint64_t number, std::int64_t scale) noexcept {
  return scaled(cube_roots().inverse_root(number | 1) - kMean, kOverParetoDeviation, scale);
}

std::int64_t paretonormal_offset(std::uint64_t number, std::int64_t scale) noexcept {
  // The upper tail's probability where normal_quantile() takes z from the same number.
  const bool is_upper = (number >> 63) != 0;
  const std::uint64_t q = is_upper ? number << 1 >> 1 | 1 : ~number;
  const std::int64_t x = normal_quantile(number) + 4 * (cube_roots().inverse_root(q) - kMean);
  return scaled(x, kOverParetonormalDeviation, scale);
}

std::int64_t table_offset(std::uint64_t number, std::int64_t scale, std::span<const std::int16_t> table) noexcept {
  const auto index = static_cast<std::size_t>((Wide{number} * table.size()) >> 64);
  return (table[index] * scale + 4096) >> 13;
}

std::int64_t jitter_offset(std::uint64_t number, Distribution distribution, std::int64_t scale,
                           std::span<const std::int16_t> table) noexcept {
  switch (distribution) {
    case Distribution::uniform: return uniform_offset(number, scale);
    case Distribution::normal: return normal_offset(number, scale);
    case Distribution::pareto: return pareto_offset(number, scale);
    case Distribution::paretonormal: return paretonormal_offset(number, scale);
    case Distribution::table: return table_offset(number, scale, table);
  }
  return 0;
}

}  // namespace wobble
