// Serial arithmetic over TCP's 32-bit sequence numbers (RFC 9293 3.4, RFC 1982): right across the wrap, meaningful
// while the two numbers are less than 2^31 apart.
#pragma once

#include <cstdint>

namespace wobble {

using SequenceNumber = std::uint32_t;

constexpr bool is_before(SequenceNumber a, SequenceNumber b) noexcept { return static_cast<std::int32_t>(a - b) < 0; }
constexpr bool is_after(SequenceNumber a, SequenceNumber b) noexcept { return is_before(b, a); }
constexpr SequenceNumber later_of(SequenceNumber a, SequenceNumber b) noexcept { return is_before(a, b) ? b : a; }
constexpr SequenceNumber earlier_of(SequenceNumber a, SequenceNumber b) noexcept { return is_before(a, b) ? a : b; }

/// first <= n <= last.
constexpr bool is_within(SequenceNumber n, SequenceNumber first, SequenceNumber last) noexcept {
  return !is_before(n, first) && !is_after(n, last);
}

}  // namespace wobble
