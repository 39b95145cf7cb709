// What a wobbled of before the present ledger left behind when it was killed: it diverted by rules and routing tables,
// and kept a record of its own, "<pid>-<start>.json". Its sysctls and nftables tables go over to the present ledger;
// its rules, its routes and the rule for the table `local`, which it moved, are put back here.
//
// Rules are known by their form, never by a number alone: a priority of ours that looks up a table of ours, or has a
// device of ours in it. What such a daemon uses is told by its devices, which vanish with it: a slot of which one is
// there is left alone.
#pragma once

#include <sys/types.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/ways_in/ledger_file.h"

namespace wobble::daemon {

struct LegacyTraces {
  std::set<int> slots;
  bool moved_local[2] = {false, false};  ///< by Family
  NetnsRecord others;
};

struct LegacyRecord {
  std::string path;
  std::string pid;
  std::string start;
  std::map<ino_t, LegacyTraces> namespaces;
};

/// The paths of such files in a folder.
std::vector<std::string> find_legacy_records(const std::string& folder);
/// Throws std::runtime_error that says what is wrong with it.
LegacyRecord read_legacy_record(const std::string& path);
/// Its daemon runs, as far as this pid namespace shows.
bool is_alive(const LegacyRecord& record);

// In the calling thread's network namespace:

/// One of the daemon's devices is there.
bool is_in_use(const LegacyTraces& traces);
/// A line for a person for each rule and table that is left, and for a rule `local` that has to go back.
/// Throws std::runtime_error if `ip` fails.
std::vector<std::string> find_legacy_rules(const LegacyTraces& traces);
/// Takes them away. Throws std::runtime_error unless they are seen to be gone.
void clear_legacy_rules(const LegacyTraces& traces);
/// Adds what is not on record yet. What stood before the earlier one counts.
void take_over(const LegacyTraces& traces, NetnsRecord& record);

}  // namespace wobble::daemon
