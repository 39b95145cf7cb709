// What dead daemons and `run`s have left behind, wherever it is: found, told, put back.
#pragma once

#include <string>
#include <vector>

#include "daemon/ways_in/ledger.h"

namespace wobble::daemon {

struct RecoverOptions {
  std::string folder = kLedgerFolder;
  bool dry_run = false;
  /// Also look for what is on no record: rules and routes of the older way to divert, in our own namespace.
  bool search = false;
};

struct Recovery {
  struct Trace {
    std::string kind;  ///< "sysctl", "nft table", "tc filter", "rule"
    std::string what;  ///< for a person: "net.ipv4.ip_forward to 0 in the network namespace we are in, left by ..."
  };
  std::vector<Trace> done;          ///< put back; with `dry_run` what would be
  std::vector<std::string> failed;  ///< what could not be, and why: it stays on record
  std::vector<std::string> in_use;  ///< what a living one holds: it was not touched
  std::vector<std::string> told;    ///< what a person should know besides
  /// In a container: what may be gone, or be another container's. It stays on record.
  std::vector<std::string> out_of_reach;
};

/// Never throws: what goes wrong is in `failed`.
Recovery recover(const RecoverOptions& options) noexcept;

/// Why a change cannot be put on record here; empty: it can.
std::string why_no_record(const std::string& folder = kLedgerFolder);

}  // namespace wobble::daemon
