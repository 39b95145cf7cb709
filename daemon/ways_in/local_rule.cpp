#include "daemon/ways_in/local_rule.h"

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace wobble::daemon {
namespace {

constexpr std::uint32_t kLocalTable = 255;  // RT_TABLE_LOCAL

std::mutex mutex;
std::map<std::pair<ino_t, Family>, int> users;  // guarded by mutex

void put_local_rule_back(Family family) noexcept {
  try {
    bool is_at_its_place = false;
    bool is_at_ours = false;
    for (const IpJson& rule : ask_ip(family, {"rule", "show"})) {
      const auto priority = number_in(rule, "priority").value_or(0);
      const bool is_local = number_in(rule, "table") == kLocalTable;
      if (priority == 0 && is_local) is_at_its_place = true;
      if (priority == kLocalPriority && is_local) is_at_ours = true;
      if (is_staying(priority)) return;
    }
    std::vector<std::string> lines;
    if (!is_at_its_place) lines.push_back("rule add priority 0 lookup local protocol kernel");
    if (is_at_ours) lines.push_back("rule del priority " + std::to_string(kLocalPriority) + " lookup local");
    try_ip(family, lines);
  } catch (const std::exception&) {  // the namespace has lost its `ip`, or we our rights
  }
}

}  // namespace

void hold_local_rule(ino_t netns, Family family) {
  const std::lock_guard guard(mutex);
  if (++users[{netns, family}] > 1) return;
  try {
    const std::string priority = std::to_string(kLocalPriority);
    do_ip(family, {"rule add priority " + priority + " lookup local", "rule del priority 0 lookup local"});
  } catch (...) {
    --users[{netns, family}];
    put_local_rule_back(family);
    throw;
  }
}

void release_local_rule(ino_t netns, Family family) noexcept {
  const std::lock_guard guard(mutex);
  if (--users[{netns, family}] == 0) put_local_rule_back(family);
}

void clear_slot(Slot slot) noexcept {
  for (const Family family : kFamilies) {
    try {
      std::vector<std::string> lines;
      for (const IpJson& rule : ask_ip(family, {"rule", "show"})) {
        const auto priority = number_in(rule, "priority").value_or(0);
        const auto table = number_in(rule, "table").value_or(0);
        if (!slot.has_priority(priority) && !slot.has_table(table)) continue;
        const std::string what = table == 0 ? "type unreachable" : "lookup " + std::to_string(table);
        lines.push_back("rule del priority " + std::to_string(priority) + " " + what);
      }
      for (const std::uint32_t table : {slot.near_table(), slot.far_table()}) {
        lines.push_back("route flush table " + std::to_string(table));
      }
      try_ip(family, lines);
    } catch (const std::exception&) {
    }
  }
}

}  // namespace wobble::daemon
