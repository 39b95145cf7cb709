#include "daemon/ways_in/ledger_undo.h"

#include <net/if.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "daemon/system/program.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {
namespace {

// {"ipv6/conf/", "/forwarding"} of "ipv6/conf/all/forwarding": what the kernel writes along lies between.
std::pair<std::string, std::string> written_along(const std::string& name) {
  if (name == "ipv4/ip_forward") return {"ipv4/conf/", "/forwarding"};
  const std::string all = "/conf/all/";
  const auto at = name.find(all);
  if (at == std::string::npos) return {};
  return {name.substr(0, at) + "/conf/", name.substr(at + all.size() - 1)};
}

Undone describe(const SysctlEntry& entry) {
  return {Undone::Kind::sysctl, entry.name, sysctl_name(entry.name) + " to " + entry.before, entry.owners};
}

Undone describe(const NftTableEntry& entry) {
  return {Undone::Kind::nft_table, entry.name, "the nftables table inet " + entry.name, entry.owners};
}

Undone describe(const FilterEntry& entry) {
  return {Undone::Kind::filter, name_of(entry.filter), name_of(entry.filter), entry.owners};
}

// {"ipv4/conf/", "eth0", "/forwarding"}; empty: it is no interface's.
struct InterfaceSysctl {
  std::string folder;
  std::string interface;
  std::string parameter;
};

InterfaceSysctl parts_of(const std::string& name) {
  const std::string conf = "/conf/";
  const auto at = name.find(conf);
  const auto end = name.rfind('/');
  if (at == std::string::npos || end < at + conf.size()) return {};
  InterfaceSysctl parts{name.substr(0, at) + conf, name.substr(at + conf.size(), end - at - conf.size()),
                        name.substr(end)};
  if (parts.interface == "all" || parts.interface == "default") return {};
  return parts;
}

// What its interface is called by now; empty: it is gone, and its parameters with it.
std::string name_by_now(const SysctlEntry& entry) {
  if (entry.interface == 0) return has_sysctl(entry.name) ? entry.name : "";
  char interface[IF_NAMESIZE];
  if (::if_indextoname(entry.interface, interface) == nullptr) return "";
  const InterfaceSysctl parts = parts_of(entry.name);
  return parts.folder + interface + parts.parameter;
}

void put_back(const NetnsRecord& record, const SysctlEntry& entry, Act act, Undone& undone) {
  const std::string name = name_by_now(entry);
  const auto present = name.empty() ? std::nullopt : read_sysctl(name);
  undone.needed = present == entry.ours && entry.before != entry.ours;
  if (name.empty() || present == entry.before) return;
  const std::string title = sysctl_name(name);
  if (!present) {
    undone.failed = title + " cannot be read";
  } else if (*present != entry.ours) {
    undone.left =
        title + " was set to " + *present + " by somebody since we set it to " + entry.ours + ", and stays so";
  } else if (act == Act::undo) {
    write_sysctl_alone(record, name, entry.before);
    const std::string now = read_sysctl(name).value_or("not readable");
    if (now != entry.before)
      undone.failed = title + " is still " + now + " after " + entry.before + " was written to it";
  }
}

// The latest first. `undo` may say in `failed` that it did not work, or throw.
template <typename Entry, typename Undo>
std::vector<Undone> undo_each(std::vector<Entry>& entries, const IsOwned& is_owned, Act act, const Undo& undo) {
  std::vector<Undone> all;
  for (std::size_t i = entries.size(); i-- > 0;) {
    if (is_owned(entries[i].owners)) continue;
    Undone undone = describe(entries[i]);
    try {
      undo(entries[i], undone);
    } catch (const std::exception& e) {
      undone.failed = e.what();
    }
    if (act == Act::undo && undone.failed.empty()) entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
    all.push_back(std::move(undone));
  }
  return all;
}

}  // namespace

std::string name_of(const TcFilter& filter) {
  return "the tc filter " + filter.name + " at " + (filter.egress ? "egress" : "ingress") + " of " + filter.device;
}

unsigned interface_of(const std::string& sysctl) {
  const InterfaceSysctl parts = parts_of(sysctl);
  return parts.interface.empty() ? 0 : ::if_nametoindex(parts.interface.c_str());
}

void write_sysctl_alone(const NetnsRecord& record, const std::string& name, const std::string& value) {
  const auto [before_interface, behind_it] = written_along(name);
  std::vector<const SysctlEntry*> others;
  for (const SysctlEntry& other : record.sysctls) {
    const bool is_along = !behind_it.empty() && other.name != name && other.name.starts_with(before_interface) &&
                          other.name.ends_with(behind_it);
    if (is_along && read_sysctl(other.name) == other.ours) others.push_back(&other);
  }
  write_sysctl(name, value);
  for (const SysctlEntry* other : others) require_sysctl(other->name, other->ours);
}

std::string delete_nft_table(const std::string& table) noexcept {
  std::string why;
  try {
    try {
      run_program({"nft", "-f", "-"}, "delete table inet " + table + "\n");
    } catch (const std::exception& e) {  // perhaps it was gone
      why = e.what();
    }
    const std::string tables = output_of({"nft", "list", "tables", "inet"});
    if (tables.find("inet " + table + "\n") == std::string::npos) return {};
    return "the nftables table inet " + table + " stays" + (why.empty() ? "" : ": " + why);
  } catch (const std::exception& e) {
    return "whether the nftables table inet " + table + " is gone cannot be seen: " + e.what();
  }
}

void pass_qdisc_on(NetnsRecord& record, FilterEntry& from) {
  if (!from.filter.made_qdisc) return;
  const auto heir = std::find_if(record.filters.begin(), record.filters.end(), [&](const FilterEntry& other) {
    return &other != &from && other.filter.interface == from.filter.interface;
  });
  if (heir == record.filters.end()) return;
  heir->filter.made_qdisc = true;
  from.filter.made_qdisc = false;
}

std::vector<Undone> undo_sysctls(NetnsRecord& record, const IsOwned& is_owned, Act act) noexcept {
  return undo_each(record.sysctls, is_owned, act,
                   [&](const SysctlEntry& entry, Undone& undone) { put_back(record, entry, act, undone); });
}

std::vector<Undone> undo_nft_tables(NetnsRecord& record, const IsOwned& is_owned, Act act) noexcept {
  return undo_each(record.nft_tables, is_owned, act, [&](const NftTableEntry& entry, Undone& undone) {
    if (act == Act::undo) undone.failed = delete_nft_table(entry.name);
  });
}

std::vector<Undone> undo_filters(NetnsRecord& record, const IsOwned& is_owned, Act act) noexcept {
  return undo_each(record.filters, is_owned, act, [&](FilterEntry& entry, Undone&) {
    if (act == Act::look) return;
    pass_qdisc_on(record, entry);
    remove_filter(entry.filter);
  });
}

std::vector<Undone> all_entries(const NetnsRecord& record) {
  std::vector<Undone> all;
  for (const FilterEntry& entry : record.filters) all.push_back(describe(entry));
  for (const NftTableEntry& entry : record.nft_tables) all.push_back(describe(entry));
  for (const SysctlEntry& entry : record.sysctls) all.push_back(describe(entry));
  return all;
}

}  // namespace wobble::daemon
