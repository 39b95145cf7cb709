// How much memory this process may use at most.
#pragma once

#include <cstdint>
#include <filesystem>

namespace wobble::daemon {

/// What the machine has or, where it is less, the limit of our control group or of one above it (cgroup v2's
/// memory.max, v1's memory.limit_in_bytes; cgroups(7)). In bytes. What cannot be read limits nothing. `root` is "/",
/// but in tests.
std::uint64_t memory_limit(const std::filesystem::path& root = "/");

}  // namespace wobble::daemon
