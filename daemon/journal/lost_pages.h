// What becomes of SQLite's index of the write-ahead log when somebody cuts it off. SQLite maps that file (-shm), and a
// page of a mapping that is not in its file any more ends whoever touches it, by SIGBUS.
#pragma once

#include <cstdint>

namespace wobble::daemon {

/// From now on such a page is replaced by an empty one, of this process alone, and counted. Only of mapped files whose
/// name ends with "-shm": any other SIGBUS ends the process as before. May be called again. Any thread.
void replace_lost_pages();

/// How many were. What SQLite concludes from an index after that may be wrong: nothing may be committed with it.
std::uint64_t lost_pages() noexcept;

}  // namespace wobble::daemon
