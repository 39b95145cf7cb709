// The shapes of jitter: iproute2's netem's, in integers alone. Each offset has mean 0, and the standard deviation
// `scale` (0 to kMaxDelay) but for the uniform one and tables; it is drawn by inverse CDF.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/conditions/conditions.h"

namespace wobble {

/// Pareto with a = 3: nothing below -0.577 deviations, and a tail so long that one in a million is beyond 114.
std::int64_t pareto_offset(std::uint64_t number, std::int64_t scale) noexcept;
/// A quarter normal and three quarters Pareto as iproute2 has it: the two inverse CDFs added.
std::int64_t paretonormal_offset(std::uint64_t number, std::int64_t scale) noexcept;
/// One of the values, in 8192ths of `scale`.
std::int64_t table_offset(std::uint64_t number, std::int64_t scale, std::span<const std::int16_t> table) noexcept;

/// Of `distribution`, whichever it is; `table` is Distribution::table's, and then not empty.
std::int64_t jitter_offset(std::uint64_t number, Distribution distribution, std::int64_t scale,
                           std::span<const std::int16_t> table) noexcept;

}  // namespace wobble
