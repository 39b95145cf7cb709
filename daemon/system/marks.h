// The mark by which what wobble sets up in a network namespace can be told from everything else there.
#pragma once

#include <string_view>

namespace wobble::daemon {

/// Outside the lab's own namespaces our devices are named so ("wobrun0"). Within IFNAMSIZ.
inline constexpr std::string_view kDevicePrefix = "wob";

}  // namespace wobble::daemon
