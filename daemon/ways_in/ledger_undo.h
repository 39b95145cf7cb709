// How what is on record in a namespace is undone, and seen to be. All of it in the calling thread's network namespace.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/ways_in/ledger_file.h"

namespace wobble::daemon {

/// What became of one entry.
struct Undone {
  enum class Kind { sysctl, nft_table, filter };
  Kind kind;
  std::string name;         ///< a sysctl's or table's, or name_of() a filter
  std::string what;         ///< for a person
  Owners owners;            ///< whose it was
  std::string failed = {};  ///< why it is not undone; empty: it is
  std::string left = {};    ///< what somebody else has made of it since, if that is so: it is left
  bool needed = true;       ///< there was something to be done
};

/// "the tc filter 5 at egress of eth0"
std::string name_of(const TcFilter& filter);

using IsOwned = std::function<bool(const Owners&)>;

enum class Act { undo, look };

/// These undo what has no living owner, the latest first, and take it off the record where that is seen to have worked;
/// with Act::look they only say what they would do.
std::vector<Undone> undo_sysctls(NetnsRecord& record, const IsOwned& is_owned, Act act = Act::undo) noexcept;
std::vector<Undone> undo_nft_tables(NetnsRecord& record, const IsOwned& is_owned, Act act = Act::undo) noexcept;
std::vector<Undone> undo_filters(NetnsRecord& record, const IsOwned& is_owned, Act act = Act::undo) noexcept;

/// All that is on record.
std::vector<Undone> all_entries(const NetnsRecord& record);

/// The index of the interface whose parameter it is; 0: it is none's, or there is no such interface.
unsigned interface_of(const std::string& sysctl);

/// Writes a parameter, and leaves the others on record as they are: one of all interfaces ("ipv6/conf/all/forwarding")
/// the kernel writes into each of them. Throws api::Incapable.
void write_sysctl_alone(const NetnsRecord& record, const std::string& name, const std::string& value);

/// Of family inet. Empty: it is seen to be gone; else why it is not.
std::string delete_nft_table(const std::string& table) noexcept;

/// Hands the qdisc that went with a filter to another filter of ours there, if there is one.
void pass_qdisc_on(NetnsRecord& record, FilterEntry& from);

}  // namespace wobble::daemon
