// The ledger on disk, and what is made of a dead daemon's.
#pragma once

#include <map>
#include <string>

#include "daemon/ways_in/ledger.h"

namespace wobble::daemon {

/// "<pid>-<start>.json"; `start` is the process's start time, since a pid is used again.
std::string own_ledger_name();

/// Replaces the file as a whole. Throws if that cannot be done.
void write_ledger(const std::string& folder, const std::string& file, const std::map<ino_t, Changes>& changes);

/// In the calling thread's namespace: the rule for `local` goes back to priority 0, unless one of our rules that need
/// it elsewhere is still there.
void put_local_rule_back(Family family) noexcept;

}  // namespace wobble::daemon
