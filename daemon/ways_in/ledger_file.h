// The ledger on disk: "ledger.json", in which each network namespace has what was changed in it and by whom.
//
//   {"version": 3, "namespaces": {"4026531840": {"cookie": 1,
//     "sysctls": [{"name": "ipv4/conf/e0/forwarding", "before": "0", "ours": "1", "interface": 7,
//                  "owners": ["812-77", "90-3"]}],
//     "nft_tables": [{"name": "wobble_run0", "owners": ["812-77"]}],
//     "filters": [{"interface": 2, "device": "eth0", "egress": true, "name": "wob0_90", "made_qdisc": true,
//                  "owners": ["90-3"]}],
//     "claims": [{"link": "host", "kind": "attach", "interfaces": ["eth0"], "ports": [443], "addresses": [],
//                 "protocol": "tcp", "owners": ["90-3"]}]}}}
//
// Sysctls stand in the order in which they were changed. An owner is named as its file is (ledger_lock.h); one that
// lives no more has left the entry behind, but for claims: they go with their owner. A file of version 2 is the same
// without claims.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <istream>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "daemon/below_ip/tc_filter.h"
#include "daemon/ways_in/claim.h"
#include "daemon/ways_in/ledger_lock.h"

namespace wobble::daemon {

using Owners = std::vector<std::string>;

struct SysctlEntry {
  std::string name;  ///< as in sysctl.h
  std::string before;
  std::string ours;
  /// Of the interface whose it is, since that can be renamed, and its name be given to another; 0: of none.
  unsigned interface = 0;
  Owners owners;
};

struct NftTableEntry {
  std::string name;  ///< of family inet
  Owners owners;     ///< one, or none: it could not be deleted
};

struct FilterEntry {
  TcFilter filter;
  Owners owners;  ///< one, or none: it could not be taken away
};

struct ClaimEntry {
  Claim claim;
  Owners owners;  ///< one
};

struct NetnsRecord {
  /// Tells the namespace from a later one with the same inode (SO_NETNS_COOKIE); 0: not known, Linux before 5.14.
  std::uint64_t cookie = 0;
  std::vector<SysctlEntry> sysctls;
  std::vector<NftTableEntry> nft_tables;
  std::vector<FilterEntry> filters;
  std::vector<ClaimEntry> claims;

  bool empty() const { return sysctls.empty() && nft_tables.empty() && filters.empty() && claims.empty(); }
};

/// By the namespaces' inodes.
using Records = std::map<ino_t, NetnsRecord>;

/// No file is no records. Throws std::runtime_error that says what is wrong with it.
Records read_records(const std::string& folder);
/// Replaces the file as a whole, or removes it if nothing is on record. Throws std::system_error.
void write_records(const std::string& folder, const Records& records);

/// What is written there; throws std::runtime_error. No number that belongs there has a fraction or an exponent, and
/// one that has may be larger than any whole number.
nlohmann::json parse_ledger(std::istream& file);

/// Throws std::runtime_error unless `object` has these members and no others.
void expect_members(const nlohmann::json& object, const std::vector<std::string>& names);
/// A file that we do not understand is kept under another name, which is returned. Throws std::system_error.
std::string put_aside(const std::string& path);
std::string path_of_ledger(const std::string& folder);

/// SO_NETNS_COOKIE of the calling thread's network namespace.
std::uint64_t netns_cookie();

/// The file while we alone may read and change it.
class LedgerSession {
 public:
  /// Reads what is on record, without the claims of those who live no more; a file that we do not understand is put
  /// aside (unless we only look), and told of. Throws LedgerBusy.
  explicit LedgerSession(std::string folder, bool only_looks = false);

  Records records;
  /// Of the calling thread's namespace, which `netns` names. What is on record of an earlier one of that inode is
  /// forgotten: with its namespace it has gone.
  NetnsRecord& record_here(ino_t netns);
  bool is_owned(const Owners& owners);
  /// Never throws: see trouble().
  void save() noexcept;
  /// Why nothing can be kept on record: from then on save() does nothing.
  const std::string& trouble() const { return trouble_; }
  const std::vector<std::string>& told() const { return told_; }

 protected:
  void fail(const std::string& why) { trouble_ = why; }

 private:
  std::string folder_;
  std::string trouble_;
  std::vector<std::string> told_;
  std::optional<LedgerLock> lock_;
  std::map<std::string, bool> alive_;
};

}  // namespace wobble::daemon
