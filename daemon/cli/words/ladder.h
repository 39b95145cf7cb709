// The ladder in text: three lifelines, client, wobble, server; time runs down. A pure function from what the log
// holds of one connection to lines.
//
// A segment is sent on one row, from its sender to the middle, and delivered on a later one, from the middle to the
// other side, with the delay between them written there; what nothing came between is one arrow right through. A drop
// ends in a cross on the middle line with its reason behind it. Beside each lifeline stands its endpoint's state, on
// the row where it changed.
//
//         ms       client                wobble                server
//      0.000       CLOSED │                 │                    │ LISTEN
//      0.000     SYN_SENT │─ SYN seq=0 ────►│                    │
//     80.013              │                 │─ SYN +80.0 ms ────►│
//     80.101              │                 │◄─ SYN,ACK seq=0 ...│ SYN_RECEIVED
#pragma once

#include <string>

#include "daemon/cli/words/ladder_rows.h"
#include "daemon/cli/words/terminal.h"

namespace wobble::daemon {

struct LadderStyle {
  std::size_t width = 100;  ///< columns, at least kLeastLadderWidth
  bool ascii = false;
  bool absolute = false;  ///< sequence numbers as on the wire, not from each side's first
  Paint paint;
};
inline constexpr std::size_t kLeastLadderWidth = 80;
inline constexpr std::size_t kMostLadderWidth = 120;

/// Lines with line ends, none wider than `style.width`.
std::string draw_ladder(const Ladder& ladder, const LadderStyle& style);

}  // namespace wobble::daemon
