// What a SYN offers.
#pragma once

#include "emulator/connections/tcp/occasion.h"

namespace wobble {

/// What X's SYN or SYN-ACK offers, with its `options`, is kept of X.
void note_offer(const Occasion& occasion, const TcpOptions& options) noexcept;

}  // namespace wobble
