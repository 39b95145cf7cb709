// What this daemon has changed in each network namespace beyond its own devices, and what stood there before: several
// ways in may want the same parameter, and the last one to go puts it back.
//
// Before anything is changed it is written to a small file, "<pid>-<start>.json" in a folder below /run. So the next
// start, or `wobble cleanup`, can put back what a killed daemon could not. Devices, and the routes through them, are
// not in it: they vanish with the descriptors.
//
// Thread: one at a time (the owner has a lock). Functions that change something are called on a thread that is inside
// the namespace `netns` names by its inode.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/ways_in/iproute.h"
#include "daemon/ways_in/slot.h"

namespace wobble::daemon {

inline constexpr char kLedgerFolder[] = "/run/wobble";

struct HeldSysctl {
  std::string before;
  std::string ours;
  int users = 0;
};

/// In one namespace.
struct Changes {
  std::map<std::string, HeldSysctl> sysctls;
  std::vector<std::string> order;  ///< of the sysctls, as they were changed
  int local_rule_users[2] = {0, 0};
  std::set<int> slots;
  std::set<std::string> nft_tables;  ///< of family inet

  bool empty() const;
};

class Ledger {
 public:
  explicit Ledger(std::string folder = kLedgerFolder);
  /// Removes the file.
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Sets a parameter until it is released. Throws api::Incapable, and then holds nothing.
  void hold_sysctl(ino_t netns, const std::string& name, const std::string& value);
  void release_sysctl(ino_t netns, const std::string& name) noexcept;

  /// Moves the rule for the table `local` from priority 0 to kLocalPriority. Throws std::runtime_error.
  void hold_local_rule(ino_t netns, Family family);
  void release_local_rule(ino_t netns, Family family) noexcept;

  void note_slot(ino_t netns, Slot slot);
  void forget_slot(ino_t netns, Slot slot) noexcept;
  void note_nft_table(ino_t netns, const std::string& table);
  void forget_nft_table(ino_t netns, const std::string& table) noexcept;

 private:
  void save() noexcept;
  void tidy(ino_t netns) noexcept;

  std::string folder_;
  std::string file_;
  std::map<ino_t, Changes> changes_;
};

/// Takes a slot's rules and routes out of the namespace that the calling thread is in.
void clear_slot(Slot slot) noexcept;
void delete_nft_table(const std::string& table) noexcept;

/// Puts back what dead daemons have left, wherever the namespaces still are. One line for a person for each; with
/// `dry_run` nothing is changed.
std::vector<std::string> recover(const std::string& folder = kLedgerFolder, bool dry_run = false);

}  // namespace wobble::daemon
