// Where the API's Unix socket is, unless told otherwise: wobbled listens there, and the command `wobble` looks there.
#pragma once

namespace wobble::daemon {

inline constexpr char kDefaultSocket[] = "/run/wobble/wobble.sock";
/// Whose members may open it, where there is such a group.
inline constexpr char kSocketGroup[] = "wobble";

}  // namespace wobble::daemon
