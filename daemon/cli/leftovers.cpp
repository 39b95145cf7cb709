#include "daemon/cli/leftovers.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <optional>
#include <set>

#include "daemon/cli/failure.h"
#include "daemon/cli/process.h"
#include "daemon/cli/text.h"
#include "daemon/marks.h"

namespace wobble::daemon {
namespace {

constexpr std::uint32_t kLocalTable = 255;  // RT_TABLE_LOCAL

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::optional<std::uint32_t> whole(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// `ip` writes a table as a string, a priority as a number.
std::optional<std::uint32_t> whole(const Json& object, const char* key) { return whole(text(object, key)); }

Json ask(const std::vector<std::string>& command) {
  const Finished finished = run_process(command);
  if (finished.exit_code == kExitNotFound) throw Failure(kExitRefused, "'ip' is not found: apt install iproute2");
  if (finished.exit_code != 0) {
    throw Failure(kExitRefused, "'" + joined(command) + "' failed: " + clean(finished.err));
  }
  if (finished.out.find_first_not_of(" \n") == std::string::npos) return Json::array();
  Json parsed = Json::parse(finished.out, nullptr, false);
  if (parsed.is_discarded()) throw Failure(kExitRefused, "'" + joined(command) + "' did not answer with JSON");
  return parsed;
}

std::string family_name(const std::string& family) { return family == "-6" ? "IPv6" : "IPv4"; }

// "from 10.0.0.0/8 iif eth0 ipproto tcp dport 80", of what a rule selects by.
std::string selectors(const Json& rule) {
  std::string out;
  const auto add = [&](const char* word, const std::string& value) {
    if (!value.empty()) out += std::string(" ") + word + " " + value;
  };
  if (text(rule, "src") != "all") {
    const std::string length = text(rule, "srclen");
    add("from", text(rule, "src") + (length.empty() ? "" : "/" + length));
  }
  if (const std::string to = text(rule, "dst"); !to.empty()) {
    const std::string length = text(rule, "dstlen");
    add("to", to + (length.empty() ? "" : "/" + length));
  }
  for (const char* word : {"iif", "oif", "ipproto", "sport", "dport", "fwmark"}) add(word, text(rule, word));
  return out;
}

bool is_ours(const Json& rule) {
  const auto priority = whole(rule, "priority");
  const auto table = whole(rule, "table");
  return (priority && is_our_priority(*priority)) || (table && is_our_table(*table));
}

bool process_exists(int pid) { return kill(pid, 0) == 0 || errno != ESRCH; }

}  // namespace

std::vector<Leftover> leftover_rules(const Json& rules, const std::string& family) {
  std::vector<Leftover> found;
  bool local_is_ours = false;
  bool local_is_kept = false;
  if (!rules.is_array()) return found;
  for (const Json& rule : rules) {
    const bool ours = is_ours(rule);
    if (whole(rule, "table") == kLocalTable) (ours ? local_is_ours : local_is_kept) = true;
    if (!ours) continue;
    Leftover leftover;
    leftover.kind = "rule";
    const std::string table = text(rule, "table");
    leftover.what = family_name(family) + " rule " + text(rule, "priority") + ":" + selectors(rule) +
                    (table.empty() ? " " + text(rule, "action") : " lookup " + table);
    leftover.mend = {"ip", family, "rule", "del", "priority", text(rule, "priority")};
    if (!table.empty()) leftover.mend.insert(leftover.mend.end(), {"table", table});
    found.push_back(std::move(leftover));
  }
  // Without any rule for the table `local` nothing reaches this machine any more: it goes back to its place first.
  if (local_is_ours && !local_is_kept) {
    found.insert(found.begin(),
                 {"local rule",
                  family_name(family) + " rule 0: lookup local, put back",
                  {"ip", family, "rule", "add", "priority", "0", "table", "local", "protocol", "kernel"}});
  }
  return found;
}

std::vector<Leftover> leftover_routes(const Json& routes, const std::string& family) {
  std::vector<Leftover> found;
  std::set<std::uint32_t> tables;
  if (!routes.is_array()) return found;
  for (const Json& route : routes) {
    const auto table = whole(route, "table");
    if (!table || !is_our_table(*table)) continue;
    const std::string number = std::to_string(*table);
    const std::string device = text(route, "dev");
    Leftover leftover{"route", family_name(family) + " route " + text(route, "dst"), {}};
    if (!device.empty()) leftover.what += " dev " + device;
    leftover.what += " in table " + number;
    // The first of a table takes them all along: a flush, since a route can be of many kinds.
    if (tables.insert(*table).second) leftover.mend = {"ip", family, "route", "flush", "table", number};
    found.push_back(std::move(leftover));
  }
  return found;
}

std::vector<Leftover> leftover_devices(const Json& links) {
  std::vector<Leftover> found;
  if (!links.is_array()) return found;
  for (const Json& link : links) {
    const std::string name = text(link, "ifname");
    if (!name.starts_with(kDevicePrefix) || text(field(link, "linkinfo"), "info_kind") != "tun") continue;
    found.push_back({"device", "TUN device " + name, {"ip", "link", "del", "dev", name}});
  }
  return found;
}

std::vector<Leftover> leftover_namespaces(const Json& namespaces, bool (*is_alive)(int pid)) {
  std::vector<Leftover> found;
  if (!namespaces.is_array()) return found;
  for (const Json& entry : namespaces) {
    const std::string name = text(entry, "name");
    if (!name.starts_with(kNamespacePrefix)) continue;
    const std::string rest = name.substr(kNamespacePrefix.size());
    const std::size_t dash = rest.find('-');
    const auto pid = whole(std::string_view(rest).substr(0, dash));
    if (dash == std::string::npos || !pid || *pid == 0 || *pid > INT32_MAX || is_alive(static_cast<int>(*pid)))
      continue;
    found.push_back({"namespace",
                     "network namespace " + name + " of process " + std::to_string(*pid) + ", which has ended",
                     {"ip", "netns", "del", name}});
  }
  return found;
}

std::vector<Leftover> find_leftovers() {
  std::vector<Leftover> found;
  const auto add = [&](std::vector<Leftover> more) { found.insert(found.end(), more.begin(), more.end()); };
  for (const char* family : {"-4", "-6"})
    add(leftover_rules(ask({"ip", "-N", "-json", family, "rule", "show"}), family));
  for (const char* family : {"-4", "-6"}) {
    add(leftover_routes(ask({"ip", "-N", "-json", family, "route", "show", "table", "all"}), family));
  }
  add(leftover_devices(ask({"ip", "-json", "-details", "link", "show"})));
  add(leftover_namespaces(ask({"ip", "-json", "netns", "list"}), process_exists));
  return found;
}

void remove_leftover(const Leftover& leftover) {
  if (leftover.mend.empty()) return;  // gone with the one before it
  const Finished finished = run_process(leftover.mend);
  if (finished.exit_code == 0) return;
  throw Failure(kExitRefused, "'" + joined(leftover.mend) + "' failed: " + clean(finished.err));
}

}  // namespace wobble::daemon
