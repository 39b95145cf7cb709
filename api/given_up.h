// Long work that somebody waits for is given up when nobody does any more.
#pragma once

#include <functional>
#include <stdexcept>

namespace wobble::api {

/// Nobody waits for the answer any more: the client has gone, or the daemon ends.
struct GivenUp : std::runtime_error {
  GivenUp() : std::runtime_error("nobody waits for the answer any more") {}
};

/// Is called between two pieces of long work, each of some milliseconds; throws to end it. May be empty.
using Pause = std::function<void()>;

}  // namespace wobble::api
