#include "daemon/ways_in/ledger.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "daemon/network_namespace.h"
#include "daemon/ways_in/ledger_file.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {

bool Changes::empty() const {
  return sysctls.empty() && slots.empty() && nft_tables.empty() && local_rule_users[0] == 0 && local_rule_users[1] == 0;
}

Ledger::Ledger(std::string folder) : folder_(std::move(folder)), file_(folder_ + "/" + own_ledger_name()) {}

Ledger::~Ledger() {
  changes_.clear();
  save();
}

void Ledger::save() noexcept {
  try {
    if (changes_.empty()) {
      std::error_code ignored;
      if (std::filesystem::remove(file_, ignored))
        std::filesystem::remove(folder_, ignored);  // if nobody else is in it
      return;
    }
    write_ledger(folder_, file_, changes_);
  } catch (const std::exception&) {  // a read-only /run: then nothing is put back after a kill, and all the rest works
  }
}

void Ledger::tidy(ino_t netns) noexcept {
  const auto found = changes_.find(netns);
  if (found != changes_.end() && found->second.empty()) changes_.erase(found);
  save();
}

void Ledger::hold_sysctl(ino_t netns, const std::string& name, const std::string& value) {
  Changes& changes = changes_[netns];
  const auto present = read_sysctl(name);
  auto [place, is_new] = changes.sysctls.try_emplace(name, HeldSysctl{present.value_or(value), value, 0});
  if (is_new) changes.order.push_back(name);
  place->second.ours = value;
  ++place->second.users;
  if (present == value) return;  // held all the same: it must stay so as long as somebody else changes it
  save();
  try {
    write_sysctl(name, value);
  } catch (...) {
    release_sysctl(netns, name);
    throw;
  }
}

void Ledger::release_sysctl(ino_t netns, const std::string& name) noexcept {
  Changes& changes = changes_[netns];
  const auto held = changes.sysctls.find(name);
  if (held == changes.sysctls.end() || --held->second.users > 0) return;
  try {
    require_sysctl(name, held->second.before);
  } catch (const std::exception&) {  // its interface is gone
  }
  changes.sysctls.erase(held);
  std::erase(changes.order, name);
  tidy(netns);
}

void Ledger::hold_local_rule(ino_t netns, Family family) {
  int& users = changes_[netns].local_rule_users[index_of(family)];
  if (++users > 1) return;
  save();
  try {
    const std::string priority = std::to_string(kLocalPriority);
    do_ip(family, {"rule add priority " + priority + " lookup local", "rule del priority 0 lookup local"});
  } catch (...) {
    release_local_rule(netns, family);
    throw;
  }
}

void Ledger::release_local_rule(ino_t netns, Family family) noexcept {
  int& users = changes_[netns].local_rule_users[index_of(family)];
  if (--users > 0) return;
  users = 0;
  put_local_rule_back(family);
  tidy(netns);
}

void Ledger::note_slot(ino_t netns, Slot slot) {
  changes_[netns].slots.insert(slot.number);
  save();
}

void Ledger::forget_slot(ino_t netns, Slot slot) noexcept {
  changes_[netns].slots.erase(slot.number);
  tidy(netns);
}

void Ledger::note_nft_table(ino_t netns, const std::string& table) {
  changes_[netns].nft_tables.insert(table);
  save();
}

void Ledger::forget_nft_table(ino_t netns, const std::string& table) noexcept {
  changes_[netns].nft_tables.erase(table);
  tidy(netns);
}

}  // namespace wobble::daemon
