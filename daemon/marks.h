// The marks by which what wobble sets up in a network namespace can be told from everything else there: so that a
// daemon which starts, `wobble cleanup` and `wobble doctor` recognise what a dead one left behind.
#pragma once

#include <cstdint>
#include <string_view>

namespace wobble::daemon {

/// Every `ip rule` of ours has a priority in this range, every routing table of ours a number in it. Both ends count.
inline constexpr std::uint32_t kFirstRulePriority = 7900;
inline constexpr std::uint32_t kLastRulePriority = 7999;
inline constexpr std::uint32_t kFirstTable = 7900;
inline constexpr std::uint32_t kLastTable = 7999;

/// Outside the lab's own namespaces our TUN devices are named so ("wob0n"). Within IFNAMSIZ.
inline constexpr std::string_view kDevicePrefix = "wob";

/// Named namespaces are "wobble-<pid of their owner>-<anything>".
inline constexpr std::string_view kNamespacePrefix = "wobble-";

constexpr bool is_our_priority(std::uint32_t priority) {
  return priority >= kFirstRulePriority && priority <= kLastRulePriority;
}
constexpr bool is_our_table(std::uint32_t table) { return table >= kFirstTable && table <= kLastTable; }

}  // namespace wobble::daemon
