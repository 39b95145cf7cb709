#include "api/conditions/sha256.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace wobble::api {
namespace {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kPiece = std::size_t{1} << 20;
using Words = std::array<std::uint32_t, 8>;

/// The first 32 bits behind the point of a root of `n`: the constants of FIPS 180-4 are made so (4.2.2, 5.3.3).
std::uint32_t fraction_bits(long double root) {
  return static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
}

/// Inlined always: without that a build for finding faults would take seconds for a file.
[[gnu::always_inline]] inline std::uint32_t rotated(std::uint32_t word, int bits) {
  return word >> bits | word << (32 - bits);
}

struct Constants {
  Words start{};
  std::uint32_t rounds[64] = {};

  Constants() {
    std::size_t found = 0;
    for (std::uint32_t n = 2; found < 64; ++n) {
      bool is_prime = true;
      for (std::uint32_t d = 2; d * d <= n; ++d) is_prime &= n % d != 0;
      if (!is_prime) continue;
      if (found < start.size()) start[found] = fraction_bits(std::sqrt(static_cast<long double>(n)));
      rounds[found++] = fraction_bits(std::cbrt(static_cast<long double>(n)));
    }
  }
};

void take_block(Words& state, const char* bytes) {
  static const Constants kConstants;
  std::uint32_t w[64];
  std::memcpy(w, bytes, kBlock);
  for (int i = 0; i < 16 && std::endian::native == std::endian::little; ++i) w[i] = __builtin_bswap32(w[i]);
  for (int i = 16; i < 64; ++i) {
    const std::uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + w[i - 7] + (rotated(a, 7) ^ rotated(a, 18) ^ (a >> 3)) +
           (rotated(b, 17) ^ rotated(b, 19) ^ (b >> 10));
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (int i = 0; i < 64; ++i) {
    const std::uint32_t t1 =
        h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + kConstants.rounds[i] + w[i];
    const std::uint32_t t2 = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const Words added = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += added[i];
}

}  // namespace

std::string sha256_of(std::string_view bytes, const Pause& pause) {
  Words state = Constants().start;
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  while (bytes.size() >= kBlock) {
    take_block(state, bytes.data());
    bytes.remove_prefix(kBlock);
    if (pause && bytes.size() % kPiece < kBlock) pause();
  }
  std::string rest(bytes);
  rest += '\x80';
  rest.resize((rest.size() + 8 + kBlock - 1) / kBlock * kBlock - 8, '\0');
  for (int shift = 56; shift >= 0; shift -= 8) rest += static_cast<char>(bits >> shift & 0xff);
  for (std::size_t at = 0; at < rest.size(); at += kBlock) take_block(state, rest.data() + at);
  std::string out;
  for (const std::uint32_t word : state) {
    for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[word >> shift & 0xf];
  }
  return out;
}

}  // namespace wobble::api
