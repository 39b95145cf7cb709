#include "daemon/ways_in/ledger_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/network_namespace.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {
namespace {

constexpr std::uint32_t kLocalTable = 255;  // RT_TABLE_LOCAL

// Field 22 of proc(5)'s stat, in clock ticks since boot; behind the last ')' it is the 20th.
std::string start_time(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::string field;
  for (int i = 0; i < 20 && fields >> field; ++i) {
  }
  return fields ? field : std::string();
}

IpJson to_json(const Changes& changes) {
  IpJson sysctls = IpJson::array();
  for (const std::string& name : changes.order) {
    const HeldSysctl& held = changes.sysctls.at(name);
    sysctls.push_back({{"name", name}, {"before", held.before}, {"ours", held.ours}});
  }
  return {{"slots", changes.slots},
          {"local_rule", {changes.local_rule_users[0] > 0, changes.local_rule_users[1] > 0}},
          {"nft_tables", changes.nft_tables},
          {"sysctls", std::move(sysctls)}};
}

Changes changes_from(const IpJson& json) {
  Changes changes;
  json.at("slots").get_to(changes.slots);
  json.at("nft_tables").get_to(changes.nft_tables);
  for (const Family family : kFamilies) {
    changes.local_rule_users[index_of(family)] = json.at("local_rule").at(index_of(family)).get<bool>() ? 1 : 0;
  }
  for (const IpJson& sysctl : json.at("sysctls")) {
    const std::string name = sysctl.at("name");
    changes.sysctls[name] = {sysctl.at("before"), sysctl.at("ours"), 1};
    changes.order.push_back(name);
  }
  return changes;
}

// A way to a namespace that lives, by its inode: through the processes in it, and the names it is kept under.
std::string path_to_namespace(ino_t inode) {
  const auto is_it = [&](const std::string& path) {
    struct stat about {};
    return ::stat(path.c_str(), &about) == 0 && about.st_ino == inode;
  };
  if (is_it("/proc/self/ns/net")) return "/proc/self/ns/net";
  std::error_code error;
  for (const char* folder : {"/run/netns", "/run/docker/netns", "/proc"}) {
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      const std::string path = entry.path().string() + (std::string(folder) == "/proc" ? "/ns/net" : "");
      if (is_it(path)) return path;
    }
  }
  return {};
}

bool stands(const Changes& changes) {
  for (const Family family : kFamilies) {
    for (const IpJson& rule : ask_ip(family, {"rule", "show"})) {
      const auto priority = number_in(rule, "priority").value_or(0);
      const auto is_slots = [&](int n) { return Slot{n}.has_priority(priority); };
      if (priority == kLocalPriority || std::any_of(changes.slots.begin(), changes.slots.end(), is_slots)) return true;
    }
  }
  if (changes.nft_tables.empty()) return false;
  const std::string tables = output_of({"nft", "list", "tables"});
  const auto is_there = [&](const std::string& name) {
    return tables.find("inet " + name + "\n") != std::string::npos;
  };
  return std::any_of(changes.nft_tables.begin(), changes.nft_tables.end(), is_there);
}

// Only where our marks still stand: a parameter alone may be somebody else's by now.
bool undo(const Changes& changes, bool dry_run) {
  if (!stands(changes)) return false;
  if (dry_run) return true;
  for (const int slot : changes.slots) clear_slot(Slot{slot});
  for (const Family family : kFamilies) {
    if (changes.local_rule_users[index_of(family)] > 0) put_local_rule_back(family);
  }
  for (const std::string& table : changes.nft_tables) delete_nft_table(table);
  for (auto name = changes.order.rbegin(); name != changes.order.rend(); ++name) {
    const HeldSysctl& held = changes.sysctls.at(*name);
    if (read_sysctl(*name) == held.ours) require_sysctl(*name, held.before);
  }
  return true;
}

std::string undo_in(const std::string& inode_text, const IpJson& json, bool dry_run) {
  ino_t inode = 0;
  std::from_chars(inode_text.data(), inode_text.data() + inode_text.size(), inode);
  const std::string path = path_to_namespace(inode);
  if (path.empty()) return {};  // gone, and all that was in it
  const NetworkNamespace netns = NetworkNamespace::open(path);
  bool found = false;
  netns.run([&] { found = undo(changes_from(json), dry_run); });
  if (!found) return {};
  return "rules, routes and parameters in the network namespace " +
         (netns.is_own() ? std::string("we are in") : path + " (net:[" + inode_text + "])");
}

}  // namespace

std::string own_ledger_name() {
  const std::string pid = std::to_string(::getpid());
  return pid + "-" + start_time(pid) + ".json";
}

void write_ledger(const std::string& folder, const std::string& file, const std::map<ino_t, Changes>& changes) {
  std::filesystem::create_directories(folder);
  IpJson namespaces = IpJson::object();
  for (const auto& [netns, change] : changes) namespaces[std::to_string(netns)] = to_json(change);
  const std::string beside = file + ".new";
  std::ofstream out(beside, std::ios::trunc);
  out << IpJson{{"namespaces", std::move(namespaces)}}.dump() << "\n";
  out.close();
  if (!out) throw std::runtime_error("cannot write " + beside);
  std::filesystem::rename(beside, file);
}

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

void delete_nft_table(const std::string& table) noexcept {
  try {
    run_program({"nft", "-f", "-"}, "delete table inet " + table + "\n");
  } catch (const std::exception&) {  // gone already
  }
}

std::vector<std::string> recover(const std::string& folder, bool dry_run) {
  std::vector<std::string> done;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    const auto dash = name.find('-');
    if (dash == std::string::npos || !name.ends_with(".json")) continue;
    const std::string pid = name.substr(0, dash);
    const std::string start = name.substr(dash + 1, name.size() - dash - 1 - 5);
    if (start_time(pid) == start) continue;  // alive
    std::ifstream file(entry.path());
    const IpJson json = IpJson::parse(file, nullptr, false);
    if (json.is_object() && json.contains("namespaces")) {
      for (const auto& [inode, changes] : json.at("namespaces").items()) {
        const std::string line = undo_in(inode, changes, dry_run);
        if (!line.empty()) done.push_back(line + ", left by a wobbled with pid " + pid + " that was killed");
      }
    }
    if (!dry_run) std::filesystem::remove(entry.path(), error);
  }
  if (!dry_run) std::filesystem::remove(folder, error);  // if it is empty
  return done;
}

}  // namespace wobble::daemon
