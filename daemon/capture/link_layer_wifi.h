#pragma once

#include "daemon/capture/frame_rest.h"

namespace wobble::daemon {

/// 802.11 by itself, behind radiotap, behind Prism or AVS, and behind PPI: as the link type says.
FrameContent after_wifi(std::uint16_t link, FrameRest rest, FramedPacket& out) noexcept;

}  // namespace wobble::daemon
