// For the diversion by rules: the rule for the table `local` makes room for them, as long as somebody in this process
// needs it, and what a slot has of rules and routes is cleared.
#pragma once

#include <sys/types.h>

#include "daemon/ways_in/iproute.h"
#include "daemon/ways_in/slot.h"

namespace wobble::daemon {

/// Moves it from priority 0 to kLocalPriority. Throws std::runtime_error.
void hold_local_rule(ino_t netns, Family family);
void release_local_rule(ino_t netns, Family family) noexcept;
void clear_slot(Slot slot) noexcept;

}  // namespace wobble::daemon
