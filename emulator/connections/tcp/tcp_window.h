// The windows that endpoints advertise.
#pragma once

#include <cstdint>

#include "emulator/connections/tcp/occasion.h"

namespace wobble {

/// The window a segment advertises, in bytes. RFC 7323 2.2: scaled only if both SYNs offered a scale, never in a SYN.
std::uint32_t window_of(const TcpEndpoint& x, const TcpEndpoint& y, const TcpSegment& segment) noexcept;

/// X has advertised `window`, which is window_of() the segment.
void note_window(TcpEndpoint& x, const TcpSegment& segment, std::uint32_t window) noexcept;

/// The largest that X ever advertised, in bytes.
std::uint32_t max_window_of(const TcpEndpoint& x) noexcept;

/// X has sent a segment, which advertises one: also what is measured of closed windows.
void measure_window(const Occasion& occasion) noexcept;

}  // namespace wobble
