#include "daemon/ways_in/legacy_ledger.h"

#include <net/if.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <stdexcept>

#include "daemon/ways_in/iproute.h"

namespace wobble::daemon {
namespace {

// A slot was one way in's share of a namespace: the devices wob<slot>n and wob<slot>f, the tables 7900 + 2 * slot
// (near) and the one after it (far), and the priorities 7900 (what leaves the link), 7920 (what arrives), 7930 (what
// stays) and 7940 (what leaves the machine), each plus the slot. The rule for `local` stood at 7990.
constexpr int kSlots = 10;
constexpr std::uint32_t kFirst = 7900;
constexpr std::uint32_t kArriving = kFirst + 20;
constexpr std::uint32_t kStaying = kFirst + 30;
constexpr std::uint32_t kLeaving = kFirst + 40;
constexpr std::uint32_t kLocalPriority = kFirst + 90;
constexpr std::uint32_t kLocalTable = 255;
constexpr char kBlackholeMetric[] = "4294967295";
constexpr char kDeliveredMark[] = "0x776f62";
constexpr char kDevice[] = "wob";
// As `ip -N` has them, by their numbers in rtnetlink(7).
constexpr char kBlackhole[] = "6";
constexpr char kUnreachable[] = "7";

std::string near_device(int slot) { return kDevice + std::to_string(slot) + "n"; }
std::string far_device(int slot) { return kDevice + std::to_string(slot) + "f"; }
bool is_there(const std::string& device) { return ::if_nametoindex(device.c_str()) != 0; }
bool is_used(int slot) { return is_there(near_device(slot)) || is_there(far_device(slot)); }

std::uint32_t near_table(int slot) { return kFirst + 2 * static_cast<std::uint32_t>(slot); }
bool is_table_of(int slot, std::uint32_t table) { return table == near_table(slot) || table == near_table(slot) + 1; }

// In which slot of the priorities from `first` on; -1: in none.
int slot_among(std::uint32_t priority, std::uint32_t first) {
  return priority >= first && priority < first + kSlots ? static_cast<int>(priority - first) : -1;
}

// The slot that a rule was one of; -1: it is somebody else's.
int slot_of(const IpJson& rule) {
  const auto priority = number_in(rule, "priority").value_or(0);
  const auto table = number_in(rule, "table").value_or(0);
  const std::string in = member(rule, "iif");
  if (const int slot = slot_among(priority, kFirst); slot >= 0) {
    const bool is_from_device = in == near_device(slot) || in == far_device(slot);
    return is_from_device || (in == "lo" && member(rule, "fwmark") == kDeliveredMark) ? slot : -1;
  }
  if (const int slot = slot_among(priority, kArriving); slot >= 0) {
    // What a loopback's rules did for ::1 when its devices were gone.
    const bool is_loopback =
        !member(rule, "ipproto").empty() && (member(rule, "src") == "::1" || member(rule, "dst") == "::1");
    const bool is_end = table == kLocalTable || (table == 0 && member(rule, "action") == kUnreachable);
    return is_table_of(slot, table) || (is_loopback && is_end) ? slot : -1;
  }
  if (const int slot = slot_among(priority, kStaying); slot >= 0) return in == "lo" && table == kLocalTable ? slot : -1;
  if (const int slot = slot_among(priority, kLeaving); slot >= 0) return table == near_table(slot) ? slot : -1;
  return -1;
}

bool is_local_rule(const IpJson& rule, std::uint32_t priority) {
  return number_in(rule, "priority") == priority && number_in(rule, "table") == kLocalTable &&
         member(rule, "src") == "all" && !rule.contains("iif") && !rule.contains("dst");
}

// As `ip rule` takes it, to be deleted: with everything that tells it from another.
std::string words_of(const IpJson& rule) {
  std::string out = "priority " + member(rule, "priority");
  const auto add_prefix = [&](const char* word, const char* key, const char* length) {
    const std::string prefix = member(rule, key);
    if (prefix.empty() || prefix == "all") return;
    out += std::string(" ") + word + " " + prefix;
    if (const std::string bits = member(rule, length); !bits.empty()) out += "/" + bits;
  };
  add_prefix("from", "src", "srclen");
  add_prefix("to", "dst", "dstlen");
  for (const char* word : {"iif", "fwmark", "ipproto", "sport", "dport"}) {
    std::string value = member(rule, word);
    const std::string prefix = "ipproto-";  // shown so, but not taken
    if (value.starts_with(prefix)) value.erase(0, prefix.size());
    if (!value.empty()) out += std::string(" ") + word + " " + value;
  }
  const std::string table = member(rule, "table");
  return out + (table.empty() ? " type " + member(rule, "action") : " lookup " + table);
}

struct Found {
  std::vector<std::string> lines;     ///< for a person
  std::vector<std::string> commands;  ///< for `ip -batch`, in their order
};

const char* name_of(Family family) { return family == Family::v4 ? "IPv4" : "IPv6"; }

void find_routes(const std::set<int>& slots, Family family, Found& found) {
  std::set<std::uint32_t> tables;
  for (const IpJson& route : ask_ip(family, {"route", "show", "table", "all"})) {
    const auto table = number_in(route, "table").value_or(0);
    if (table < kFirst || table >= kFirst + 2 * kSlots) continue;
    const int slot = static_cast<int>(table - kFirst) / 2;
    // Behind a `fail closed` that nobody has a record of.
    const bool is_our_blackhole = member(route, "type") == kBlackhole && member(route, "metric") == kBlackholeMetric;
    if (is_used(slot) || (slots.count(slot) == 0 && !is_our_blackhole)) continue;
    if (!tables.insert(table).second) continue;
    found.lines.push_back(std::string(name_of(family)) + " routes in table " + std::to_string(table));
    found.commands.push_back("route flush table " + std::to_string(table));
  }
}

Found find_traces(const LegacyTraces& traces, Family family) {
  Found found;
  std::set<int> slots = traces.slots;
  const IpJson rules = ask_ip(family, {"rule", "show"});
  const auto has_local_at = [&](std::uint32_t priority) {
    return std::any_of(rules.begin(), rules.end(), [&](const IpJson& rule) { return is_local_rule(rule, priority); });
  };
  bool is_in_use = false;
  for (const IpJson& rule : rules) {
    const int slot = slot_of(rule);
    if (slot < 0) continue;
    if (is_used(slot)) {
      is_in_use = true;
      continue;
    }
    slots.insert(slot);
    found.lines.push_back(std::string(name_of(family)) + " rule " + words_of(rule));
    found.commands.push_back("rule del " + words_of(rule));
  }
  const bool is_at_ours = has_local_at(kLocalPriority);
  const bool moved = traces.moved_local[index_of(family)] || !found.lines.empty() || (is_at_ours && !has_local_at(0));
  if (moved && !is_in_use) {
    // First of all: without it nothing reaches this machine.
    if (!has_local_at(0)) {
      found.lines.insert(found.lines.begin(), std::string(name_of(family)) + " rule 0: lookup local");
      found.commands.insert(found.commands.begin(), "rule add priority 0 lookup local protocol kernel");
    }
    if (is_at_ours) {
      found.lines.push_back(std::string(name_of(family)) + " rule priority 7990 lookup local");
      found.commands.push_back("rule del priority 7990 lookup local");
    }
  }
  find_routes(slots, family, found);
  return found;
}

LegacyTraces traces_from(const IpJson& json, const Owners& owners) {
  expect_members(json, {"slots", "local_rule", "nft_tables", "sysctls"});
  LegacyTraces traces;
  json.at("slots").get_to(traces.slots);
  for (const Family family : kFamilies)
    json.at("local_rule").at(index_of(family)).get_to(traces.moved_local[index_of(family)]);
  for (const IpJson& table : json.at("nft_tables")) traces.others.nft_tables.push_back({table, owners});
  for (const IpJson& entry : json.at("sysctls")) {
    expect_members(entry, {"name", "before", "ours"});
    traces.others.sysctls.push_back({entry.at("name"), entry.at("before"), entry.at("ours"), 0, owners});
  }
  return traces;
}

}  // namespace

std::vector<std::string> find_legacy_records(const std::string& folder) {
  static const std::regex name("[0-9]+-[0-9]+\\.json");
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (std::regex_match(entry.path().filename().string(), name)) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

LegacyRecord read_legacy_record(const std::string& path) {
  const std::string name = std::filesystem::path(path).stem();
  const auto dash = name.find('-');
  LegacyRecord record{path, name.substr(0, dash), name.substr(dash + 1), {}};
  const Owners owners{name};  // who has no file as owners have now: so it counts as ended
  std::ifstream file(path);
  try {
    const IpJson json = parse_ledger(file);
    expect_members(json, {"namespaces"});
    for (const auto& [inode, traces] : json.at("namespaces").items())
      record.namespaces[std::stoul(inode)] = traces_from(traces, owners);
  } catch (const std::exception& e) {
    throw std::runtime_error(e.what());
  }
  return record;
}

bool is_alive(const LegacyRecord& record) { return start_time(record.pid) == record.start; }

bool is_in_use(const LegacyTraces& traces) {
  if (std::any_of(traces.slots.begin(), traces.slots.end(), is_used)) return true;
  const std::string prefix = "wobble_";
  return std::any_of(traces.others.nft_tables.begin(), traces.others.nft_tables.end(), [&](const NftTableEntry& entry) {
    // "wobble_run3" came with the device wobrun3; a gateway's with its slot's.
    return entry.name.starts_with(prefix) && is_there(kDevice + entry.name.substr(prefix.size()));
  });
}

std::vector<std::string> find_legacy_rules(const LegacyTraces& traces) {
  std::vector<std::string> lines;
  for (const Family family : kFamilies) {
    const Found found = find_traces(traces, family);
    lines.insert(lines.end(), found.lines.begin(), found.lines.end());
  }
  return lines;
}

void clear_legacy_rules(const LegacyTraces& traces) {
  for (const Family family : kFamilies) try_ip(family, find_traces(traces, family).commands);
  const auto left = find_legacy_rules(traces);
  if (!left.empty())
    throw std::runtime_error(left.front() + " could not be put back: 'ip rule' shows what stands there");
}

void take_over(const LegacyTraces& traces, NetnsRecord& record) {
  for (const SysctlEntry& entry : traces.others.sysctls) {
    const auto there = std::find_if(record.sysctls.begin(), record.sysctls.end(),
                                    [&](const SysctlEntry& other) { return other.name == entry.name; });
    if (there == record.sysctls.end()) {
      record.sysctls.push_back(entry);
    } else if (there->before == entry.ours) {
      there->before = entry.before;
    }
  }
  for (const NftTableEntry& entry : traces.others.nft_tables) {
    const auto there = std::find_if(record.nft_tables.begin(), record.nft_tables.end(),
                                    [&](const NftTableEntry& other) { return other.name == entry.name; });
    if (there == record.nft_tables.end()) record.nft_tables.push_back(entry);
  }
}

}  // namespace wobble::daemon
