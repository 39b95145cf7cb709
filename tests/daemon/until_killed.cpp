// until_killed FILE LOAD: writes whole lives into a journal until it is killed, and tells each newest committed number
// on its standard output, as 8 bytes. A program of its own, because a fork of the test, which has threads, could hang.
//
// LOAD: "as_taken", as fast as the journal takes it, and nothing is lost; or "flood", more than any disk takes, and
// never a pause.
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <thread>

#include "tests/daemon/journal_fixture.h"

namespace {

using namespace wobble;
using namespace wobble::daemon;

[[noreturn]] void write_until_killed(const std::string& file, bool flood) {
  // A flood would wait for seconds in so large a ring, if it could.
  EventRing ring(flood ? 4 * EventRing::kDefaultCapacity : EventRing::kDefaultCapacity);
  Journal journal({.file = file});
  journal.add_link("lab", ring);
  std::thread teller([&] {
    for (std::uint64_t newest = journal.newest_event();; newest = journal.wait_for_event(newest, kLongEnough)) {
      if (write(STDOUT_FILENO, &newest, sizeof newest) != sizeof newest) _exit(1);
    }
  });
  for (ConnectionId id = journal.first_connection_id(), turn = 1;; ++id, ++turn) {
    push_life(ring, id);
    if (turn % 10 == 0) ring.on(opening_of(++id));  // these stay open
    if (!flood && ring.size() > ring.limit() / 2) journal.sync(kLongEnough);
    if (flood && turn % 50 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view load = argc == 3 ? argv[2] : "";
  if (load != "as_taken" && load != "flood") {
    std::fprintf(stderr, "usage: until_killed FILE as_taken|flood\n");
    return 2;
  }
  try {
    write_until_killed(argv[1], load == "flood");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "until_killed: %s\n", error.what());
    return 1;
  }
}
