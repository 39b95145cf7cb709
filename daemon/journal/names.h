// How enumerated values stand in the journal: as text, so that a person reads the file with sqlite3(1).
// The spelling is the API's, except that an endpoint of which nothing is known is 'NONE' here.
#pragma once

#include <string>
#include <string_view>

#include "emulator/events/event.h"

namespace wobble::daemon {

/// What does not name a value (a newer daemon wrote it) is read as the first.
template <typename Enum>
Enum parse_name(std::string_view text) noexcept;
template <typename Enum>
std::string_view name_of(Enum value) noexcept;

/// "SYN,ACK": the flags' names joined by commas, in the order SYN FIN RST PSH ACK URG ECE CWR AE; "" for none.
std::string_view flag_names(std::uint16_t flags) noexcept;
std::uint16_t parse_flags(std::string_view text) noexcept;

}  // namespace wobble::daemon
