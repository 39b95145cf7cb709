#include "daemon/memory_limit.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace wobble::daemon {
namespace {

namespace fs = std::filesystem;

std::uint64_t machine_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

/// The least of `file` in the group and in those above it. A container may see only the end of its group's path, as the
/// root of what is mounted: folders that are not there are passed over.
std::uint64_t least_limit(const fs::path& mount, fs::path group, const char* file) {
  std::uint64_t least = UINT64_MAX;
  for (;; group = group.parent_path()) {
    std::uint64_t limit = 0;
    // "max", which is no number, is no limit.
    if (std::ifstream in(mount / group.relative_path() / file); in >> limit) least = std::min(least, limit);
    if (!group.has_relative_path()) return least;
  }
}

bool has_word(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

}  // namespace

std::uint64_t memory_limit(const fs::path& root) {
  std::uint64_t limit = machine_memory();
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // ID:CONTROLLERS:PATH
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const fs::path mounted = root / "sys/fs/cgroup", group = line.substr(second + 1);
    if (controllers.empty()) limit = std::min(limit, least_limit(mounted, group, "memory.max"));
    if (has_word(controllers, "memory")) {
      limit = std::min(limit, least_limit(mounted / "memory", group, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

}  // namespace wobble::daemon
