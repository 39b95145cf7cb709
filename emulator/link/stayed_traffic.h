// What stayed in the kernel: it is counted and tracked as a packet that arrived, met nothing and left at once, and in
// the same order: all segments of a super-packet arrive, then all are sent, then all are delivered.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/link/link_parts.h"

namespace wobble {

/// As Link::stayed(), by the link's thread.
void track_stayed(LinkParts& link, std::span<const std::uint8_t> bytes, std::uint16_t segment_size, Side side,
                  TimePoint now) noexcept;

}  // namespace wobble
