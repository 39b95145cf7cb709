// Becoming another program, without a shell.
#pragma once

#include <string>
#include <vector>

namespace wobble::daemon {

/// Replaces this process by `command`. Comes back only if that fails, with exit code 127 or 126.
int replace_process(const std::vector<std::string>& command);

}  // namespace wobble::daemon
