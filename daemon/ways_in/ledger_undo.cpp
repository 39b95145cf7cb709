#include "daemon/ways_in/ledger_undo.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "daemon/program.h"
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
  return {Undone::Kind::sysctl, entry.name, sysctl_name(entry.name) + " to " + entry.before, entry.owners, "", ""};
}

Undone describe(const NftTableEntry& entry) {
  return {Undone::Kind::nft_table, entry.name, "the nftables table inet " + entry.name, entry.owners, "", ""};
}

Undone describe(const FilterEntry& entry) {
  return {Undone::Kind::filter, name_of(entry.filter), name_of(entry.filter), entry.owners, "", ""};
}

void put_back(const NetnsRecord& record, const SysctlEntry& entry, Undone& undone) {
  const auto present = read_sysctl(entry.name);
  if (!present && !has_sysctl(entry.name)) return;  // its interface is gone
  const std::string name = sysctl_name(entry.name);
  if (!present) {
    undone.failed = name + " cannot be read";
  } else if (*present != entry.ours) {
    undone.left = name + " was set to " + *present + " by somebody since we set it to " + entry.ours + ", and stays so";
  } else if (entry.before != entry.ours) {
    write_sysctl_alone(record, entry.name, entry.before);
    const auto now = read_sysctl(entry.name);
    if (now != entry.before)
      undone.failed = name + " is still " + now.value_or("not readable") + " after we wrote " + entry.before;
  }
}

// The latest first. `undo` may say in `failed` that it did not work, or throw.
template <typename Entry, typename Undo>
std::vector<Undone> undo_each(std::vector<Entry>& entries, const IsOwned& is_owned, const Undo& undo) {
  std::vector<Undone> all;
  for (std::size_t i = entries.size(); i-- > 0;) {
    if (is_owned(entries[i].owners)) continue;
    Undone undone = describe(entries[i]);
    try {
      undo(entries[i], undone);
    } catch (const std::exception& e) {
      undone.failed = e.what();
    }
    if (undone.failed.empty()) entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
    all.push_back(std::move(undone));
  }
  return all;
}

}  // namespace

std::string name_of(const TcFilter& filter) {
  return "the tc filter " + filter.name + " at " + (filter.egress ? "egress" : "ingress") + " of " + filter.device;
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

std::vector<Undone> undo_sysctls(NetnsRecord& record, const IsOwned& is_owned) noexcept {
  return undo_each(record.sysctls, is_owned,
                   [&](const SysctlEntry& entry, Undone& undone) { put_back(record, entry, undone); });
}

std::vector<Undone> undo_nft_tables(NetnsRecord& record, const IsOwned& is_owned) noexcept {
  return undo_each(record.nft_tables, is_owned,
                   [](const NftTableEntry& entry, Undone& undone) { undone.failed = delete_nft_table(entry.name); });
}

std::vector<Undone> undo_filters(NetnsRecord& record, const IsOwned& is_owned) noexcept {
  return undo_each(record.filters, is_owned, [&](FilterEntry& entry, Undone&) {
    pass_qdisc_on(record, entry);
    remove_filter(entry.filter);
  });
}

std::vector<Undone> all_entries(const NetnsRecord& record) {
  std::vector<Undone> all;
  for (auto entry = record.filters.rbegin(); entry != record.filters.rend(); ++entry) all.push_back(describe(*entry));
  for (auto entry = record.nft_tables.rbegin(); entry != record.nft_tables.rend(); ++entry)
    all.push_back(describe(*entry));
  for (auto entry = record.sysctls.rbegin(); entry != record.sysctls.rend(); ++entry) all.push_back(describe(*entry));
  return all;
}

}  // namespace wobble::daemon
