// What the rows of the transition table say, for people.
#pragma once

#include "emulator/events/event.h"
#include "emulator/events/rule.h"

namespace wobble {

/// What a row says of an endpoint, as one reads it behind "the client: SYN_SENT -> ESTABLISHED". "" if there is none.
const char* sentence_of(Rule rule, Evidence evidence) noexcept;

}  // namespace wobble
