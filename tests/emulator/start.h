// When the tests in virtual time begin.
#pragma once

#include "emulator/time.h"

namespace wobble {

inline constexpr TimePoint kStart{std::chrono::hours(1)};

}  // namespace wobble
