// A namespace has ten slots for ways in. Each has a pair of devices, two routing tables and its own priorities among
// the rules (daemon/marks.h has the range), in the order in which the kernel asks them:
//
//   7900 + s   what leaves the link: on to where it was going
//   7920 + s   what arrives, or goes to the port of a loopback: into the link
//   7930 + s   what stays on this machine stays outside the link
//   7940 + s   what leaves from here: into the link
//   7990       the table `local`, moved here from priority 0 so that the rules above are asked before it
//
// The kernel makes a slot one way in's: a second device of the same name cannot be made.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/marks.h"

namespace wobble::daemon {

struct Slot {
  static constexpr int kCount = 10;
  int number = 0;

  std::string near_device() const { return std::string(kDevicePrefix) + std::to_string(number) + "n"; }
  std::string far_device() const { return std::string(kDevicePrefix) + std::to_string(number) + "f"; }
  std::uint32_t near_table() const { return kFirstTable + 2 * static_cast<std::uint32_t>(number); }
  std::uint32_t far_table() const { return near_table() + 1; }
  std::uint32_t onward() const { return kFirstRulePriority + static_cast<std::uint32_t>(number); }
  std::uint32_t arriving() const { return onward() + 20; }
  std::uint32_t staying() const { return onward() + 30; }
  std::uint32_t leaving() const { return onward() + 40; }

  bool has_priority(std::uint32_t priority) const {
    return priority == onward() || priority == arriving() || priority == staying() || priority == leaving();
  }
  bool has_table(std::uint32_t table) const { return table == near_table() || table == far_table(); }
};

/// Every way in that needs the table `local` moved has such a rule, and none else.
constexpr bool is_staying(std::uint32_t priority) {
  return priority >= kFirstRulePriority + 30 && priority < kFirstRulePriority + 40;
}

inline constexpr std::uint32_t kLocalPriority = kFirstRulePriority + 90;
static_assert(kLocalPriority <= kLastRulePriority);

}  // namespace wobble::daemon
