#include "daemon/ways_in/ledger.h"

#include <algorithm>
#include <exception>
#include <system_error>

#include "api/backend.h"
#include "daemon/below_ip/route_socket.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {
namespace {

bool is_it(const SysctlEntry& entry, const std::string& name) { return entry.name == name; }
bool is_it(const NftTableEntry& entry, const std::string& name) { return entry.name == name; }
bool is_it(const FilterEntry& entry, const TcFilter& filter) { return entry.filter.is_same(filter); }
bool is_it(const ClaimEntry& entry, const std::string& link) { return entry.claim.link == link; }

template <typename Entry, typename Key>
Entry* find(std::vector<Entry>& entries, const Key& key) {
  const auto found =
      std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return is_it(entry, key); });
  return found == entries.end() ? nullptr : &*found;
}

template <typename Entry, typename Key>
void erase(std::vector<Entry>& entries, const Key& key) {
  std::erase_if(entries, [&](const Entry& entry) { return is_it(entry, key); });
}

const std::string& key_of(const SysctlEntry& entry) { return entry.name; }
const std::string& key_of(const NftTableEntry& entry) { return entry.name; }
const TcFilter& key_of(const FilterEntry& entry) { return entry.filter; }

// What one of us holds stands on record with its name, whatever became of the file.
template <typename Entry>
void enter(std::vector<Entry>& on_record, std::vector<Entry>& mine, const std::string& me) {
  for (Entry& entry : mine) {
    Entry* there = find(on_record, key_of(entry));
    if (there == nullptr) there = &on_record.emplace_back(entry);
    there->owners.push_back(me);
    entry = *there;
    entry.owners.clear();
  }
}

void disown(NetnsRecord& record, const std::string& owner) {
  for (SysctlEntry& entry : record.sysctls) std::erase(entry.owners, owner);
  for (NftTableEntry& entry : record.nft_tables) std::erase(entry.owners, owner);
  for (FilterEntry& entry : record.filters) std::erase(entry.owners, owner);
  std::erase_if(record.claims, [&](const ClaimEntry& entry) { return entry.owners == Owners{owner}; });
}

bool is_among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string failures_of(const std::vector<Undone>& undone, const std::vector<std::string>& names) {
  std::string all;
  for (const Undone& one : undone) {
    if (is_among(names, one.name) && !one.failed.empty()) all += (all.empty() ? "" : "; ") + one.failed;
  }
  return all;
}

}  // namespace

// The records, with ours in them, while we alone may change them: it lives while the ledger's mutex is held.
class Ledger::Session : public LedgerSession {
 public:
  explicit Session(Ledger& ledger) WOBBLE_REQUIRES(ledger.mutex_) : LedgerSession(ledger.folder_), ledger_(ledger) {
    ledger_.tell(told());
    note_trouble();
    if (ledger_.mine_.empty() && !ledger_.owner_) return;
    const std::string name = me();
    // What we do not hold does not bear our name either, should a release not have come through.
    for (auto& [netns, record] : records) disown(record, name);
    for (auto& [netns, mine] : ledger_.mine_) {
      NetnsRecord& record = records[netns];
      if (record.cookie != mine.cookie) record = {};
      record.cookie = mine.cookie;
      enter(record.sysctls, mine.sysctls, name);
      enter(record.nft_tables, mine.nft_tables, name);
      enter(record.filters, mine.filters, name);
      for (const ClaimEntry& entry : mine.claims) record.claims.push_back({entry.claim, {name}});
    }
  }

  /// Our name, under which we live from now on.
  std::string me() {
    if (!trouble().empty()) return "-";
    ledger_.mutex_.assert_held();
    try {
      if (!ledger_.owner_ || !ledger_.owner_->stands()) {
        ledger_.owner_.reset();
        ledger_.owner_.emplace(ledger_.folder_);
        // An earlier one of that name has ended.
        for (auto& [netns, record] : records) disown(record, ledger_.owner_->name());
      }
      return ledger_.owner_->name();
    } catch (const std::system_error& e) {
      fail(e.what());
      return "-";
    }
  }

  NetnsRecord& mine(ino_t netns) {
    ledger_.mutex_.assert_held();
    NetnsRecord& record = ledger_.mine_[netns];
    record.cookie = records[netns].cookie;
    return record;
  }

  /// By us or by another who lives.
  bool is_held(const Owners& owners) {
    const std::string name = me();
    return std::find(owners.begin(), owners.end(), name) != owners.end() || is_owned(owners);
  }

  void save_all() {
    ledger_.mutex_.assert_held();
    std::erase_if(ledger_.mine_, [](const auto& of) { return of.second.empty(); });
    save();
    if (ledger_.mine_.empty()) ledger_.owner_.reset();
    note_trouble();
  }

 private:
  void note_trouble() {
    ledger_.mutex_.assert_held();
    if (!trouble().empty() && ledger_.trouble_.empty()) {
      ledger_.tell({"what is changed here is not kept on record, and not put back after a kill: " + trouble()});
    }
    ledger_.trouble_ = trouble();
  }

  Ledger& ledger_;
};

Ledger::Ledger(std::string folder, Tell tell) : folder_(std::move(folder)), tell_(std::move(tell)) {}

Ledger::~Ledger() = default;

void Ledger::tell(const std::vector<std::string>& lines) const {
  if (!tell_) return;
  for (const std::string& line : lines) tell_(line);
}

// Of what was not this call's: if it failed again that has been told before.
void Ledger::tell_of_others(const std::vector<Undone>& undone, const std::vector<std::string>& but) const {
  for (const Undone& one : undone) {
    if (!one.left.empty()) {
      tell({one.left});
    } else if (!is_among(but, one.name) && one.failed.empty() && one.needed) {
      tell({"put back what was left behind: " + one.what});
    }
  }
}

std::string Ledger::trouble() const {
  const LockGuard guard(mutex_);
  return trouble_;
}

void Ledger::hold_sysctl(ino_t netns, const std::string& name, const std::string& value) {
  hold_sysctls(netns, {{name, value}});
}

void Ledger::hold_sysctls(ino_t netns, const std::vector<WantedSysctl>& wanted) try {
  const LockGuard guard(mutex_);
  Session session(*this);
  NetnsRecord& record = session.record_here(netns);
  std::vector<Held> held;
  for (const WantedSysctl& one : wanted) held.push_back(note_sysctl(session, netns, one));
  session.save_all();
  try {
    for (const WantedSysctl& one : wanted) {
      if (read_sysctl(one.name) != one.value) write_sysctl_alone(record, one.name, one.value);
    }
  } catch (...) {
    while (!held.empty()) {
      take_back(session, netns, held.back());
      held.pop_back();
    }
    undo_sysctls(record, [&](const Owners& owners) { return session.is_held(owners); });
    session.save_all();
    throw;
  }
} catch (const LedgerBusy& e) {
  throw api::Incapable(e.what());
}

Ledger::Held Ledger::note_sysctl(Session& session, ino_t netns, const WantedSysctl& wanted) {
  const std::string& name = wanted.name;
  NetnsRecord& record = session.records[netns];
  const unsigned interface = interface_of(name);
  SysctlEntry* entry = find(record.sysctls, name);
  if (entry != nullptr && entry->interface != interface) {
    // Of an interface that is gone or has another name by now: that is an affair of its own.
    entry->owners.clear();
    tell_of_others(undo_sysctls(record, [&](const Owners& owners) { return session.is_held(owners); }), {});
    entry = find(record.sysctls, name);
  }
  const auto present = read_sysctl(name);
  Held held{name, entry == nullptr ? std::nullopt : std::optional(*entry)};
  if (entry == nullptr)
    entry = &record.sysctls.emplace_back(SysctlEntry{name, present.value_or(wanted.value), "", interface, {}});
  if (held.was && present && *present != held.was->ours) entry->before = *present;  // somebody's will since
  entry->ours = wanted.value;
  const std::string me = session.me();
  if (std::find(entry->owners.begin(), entry->owners.end(), me) == entry->owners.end()) entry->owners.push_back(me);
  ++uses_[{netns, name}];
  NetnsRecord& mine = session.mine(netns);
  erase(mine.sysctls, name);
  mine.sysctls.push_back({name, entry->before, entry->ours, interface, {}});
  return held;
}

void Ledger::take_back(Session& session, ino_t netns, const Held& held) {
  SysctlEntry* entry = find(session.records[netns].sysctls, held.name);
  SysctlEntry* mine = find(session.mine(netns).sysctls, held.name);
  if (entry == nullptr || mine == nullptr) return;
  if (held.was && held.was->ours != entry->ours) {
    try {
      require_sysctl(held.name, held.was->ours);
    } catch (const api::Incapable&) {  // as it is: the next one to release it looks at it
    }
    entry->before = mine->before = held.was->before;
    entry->ours = mine->ours = held.was->ours;
  }
  const auto uses = uses_.find({netns, held.name});
  if (--uses->second > 0) return;
  uses_.erase(uses);
  std::erase(entry->owners, session.me());
  erase(session.mine(netns).sysctls, held.name);
}

std::string Ledger::release_sysctl(ino_t netns, const std::string& name) noexcept {
  return release_sysctls(netns, {name});
}

std::string Ledger::release_sysctls(ino_t netns, const std::vector<std::string>& names) noexcept {
  const LockGuard guard(mutex_);
  std::vector<std::string> released;
  for (const std::string& name : names) {
    const auto uses = uses_.find({netns, name});
    if (uses == uses_.end() || --uses->second > 0) continue;
    uses_.erase(uses);
    released.push_back(name);
  }
  if (released.empty()) return {};
  try {
    Session session(*this);
    NetnsRecord& record = session.record_here(netns);
    for (const std::string& name : released) {
      erase(session.mine(netns).sysctls, name);
      if (SysctlEntry* entry = find(record.sysctls, name)) std::erase(entry->owners, session.me());
    }
    const auto undone = undo_sysctls(record, [&](const Owners& owners) { return session.is_held(owners); });
    session.save_all();
    tell_of_others(undone, released);
    return failures_of(undone, released);
  } catch (const std::exception& e) {  // LedgerBusy: the next session takes our name off them
    for (const std::string& name : released) erase(mine_[netns].sysctls, name);
    return sysctl_name(released.front()) + " is not put back: " + e.what();
  }
}

NetnsRecord Ledger::on_record(ino_t netns) try {
  const LockGuard guard(mutex_);
  return Session(*this).record_here(netns);
} catch (const LedgerBusy& e) {
  throw api::Incapable(e.what());
}

std::optional<std::string> value_without_us(const NetnsRecord& record, const std::string& name) {
  const auto present = read_sysctl(name);
  const auto entry = std::find_if(record.sysctls.begin(), record.sysctls.end(),
                                  [&](const SysctlEntry& one) { return one.name == name; });
  return entry != record.sysctls.end() && present == entry->ours ? entry->before : present;
}

void Ledger::note_nft_table(ino_t netns, const std::string& table) try {
  const LockGuard guard(mutex_);
  Session session(*this);
  NetnsRecord& record = session.record_here(netns);
  const NftTableEntry* left_behind = find(record.nft_tables, table);
  if (left_behind != nullptr && !session.is_held(left_behind->owners)) {
    const std::string failed = delete_nft_table(table);
    if (!failed.empty()) throw api::Incapable(failed);
  }
  erase(record.nft_tables, table);
  record.nft_tables.push_back({table, {session.me()}});
  NetnsRecord& mine = session.mine(netns);
  erase(mine.nft_tables, table);
  mine.nft_tables.push_back({table, {}});
  session.save_all();
} catch (const LedgerBusy& e) {
  throw api::Incapable(e.what());
}

// What is still ours nobody else touches: so others need not wait for a program to end.
std::string Ledger::drop_nft_table(ino_t netns, const std::string& table) noexcept {
  const LockGuard guard(mutex_);
  std::string failed = delete_nft_table(table);
  try {
    Session session(*this);
    NetnsRecord& record = session.record_here(netns);
    erase(session.mine(netns).nft_tables, table);
    if (NftTableEntry* entry = find(record.nft_tables, table)) std::erase(entry->owners, session.me());
    if (failed.empty()) erase(record.nft_tables, table);
    session.save_all();
    if (!failed.empty()) return failed;
    const auto undone = undo_nft_tables(record, [&](const Owners& owners) { return session.is_held(owners); });
    if (!undone.empty()) session.save_all();
    tell_of_others(undone, {table});
  } catch (const std::exception& e) {
    erase(mine_[netns].nft_tables, table);
    if (failed.empty()) failed = "it stays on record that there is a table inet " + table + ": " + e.what();
  }
  return failed;
}

void Ledger::note_filter(ino_t netns, const TcFilter& filter) try {
  const LockGuard guard(mutex_);
  Session session(*this);
  NetnsRecord& record = session.record_here(netns);
  // Asked while nobody else of us can take the qdisc away.
  bool made_qdisc = filter.made_qdisc || !RouteSocket().has_clsact(filter.interface);
  if (FilterEntry* entry = find(record.filters, filter)) {
    if (!session.is_held(entry->owners))
      remove_filter({filter.interface, filter.device, filter.egress, filter.name, false});
    made_qdisc = made_qdisc || entry->filter.made_qdisc;
  }
  erase(record.filters, filter);
  TcFilter noted = filter;
  noted.made_qdisc = made_qdisc;
  record.filters.push_back({noted, {session.me()}});
  NetnsRecord& mine = session.mine(netns);
  erase(mine.filters, filter);
  mine.filters.push_back({noted, {}});
  session.save_all();
} catch (const std::runtime_error& e) {
  throw api::Incapable(e.what());
}

std::string Ledger::drop_filter(ino_t netns, const TcFilter& filter) noexcept {
  const LockGuard guard(mutex_);
  try {
    Session session(*this);
    NetnsRecord& record = session.record_here(netns);
    erase(session.mine(netns).filters, filter);
    if (FilterEntry* entry = find(record.filters, filter)) std::erase(entry->owners, session.me());
    const auto undone = undo_filters(record, [&](const Owners& owners) { return session.is_held(owners); });
    session.save_all();
    return failures_of(undone, {name_of(filter)});
  } catch (const std::exception& e) {
    erase(mine_[netns].filters, filter);
    return "the tc filter of " + filter.device + " stays: " + e.what();
  }
}

void Ledger::note_claim(ino_t netns, const Claim& claim) try {
  const LockGuard guard(mutex_);
  Session session(*this);
  NetnsRecord& record = session.record_here(netns);
  const std::string me = session.me();
  for (const ClaimEntry& other : record.claims) {
    if (!overlap(claim, other.claim)) continue;
    const bool is_mine = other.owners == Owners{me};
    const std::string whose = is_mine ? "" : " of another daemon, process " + pid_of_owner(other.owners.back()) + ",";
    throw api::Conflict("the link '" + other.claim.link + "'" + whose + " diverts this traffic already: detach it " +
                        (is_mine ? "first" : "there first") + " (wobble detach " + other.claim.link +
                        "), or narrow what each of them takes");
  }
  record.claims.push_back({claim, {me}});
  session.mine(netns).claims.push_back({claim, {}});
  session.save_all();
} catch (const LedgerBusy& e) {
  throw api::Incapable(e.what());
}

void Ledger::drop_claim(ino_t netns, const std::string& link) noexcept {
  const LockGuard guard(mutex_);
  const auto mine = mine_.find(netns);
  if (mine == mine_.end()) return;
  erase(mine->second.claims, link);
  try {
    Session(*this).save_all();       // what we do not hold does not bear our name
  } catch (const std::exception&) {  // LedgerBusy: the next session takes it off
  }
}

}  // namespace wobble::daemon
