// What wobble has changed on this machine that does not vanish with its devices: kernel parameters, nftables tables, tc
// filters; in each network namespace, with what stood there before. And whose traffic is diverted already. There is one
// ledger for all daemons and all `run`s: several may want the same parameter, in one process or in many, and the last
// of them to go puts it back.
//
// It is a file below /run (ledger_file.h), read and changed under a lock. A change is written down before it is made,
// and struck off only when it is seen to be undone. What cannot be undone stays there without an owner, as does what a
// killed process has left: the next release in that namespace tries it again, and so do the next start of a daemon and
// `wobble cleanup` (ledger_recovery.h).
//
// Where the file cannot be written all the rest works: what is held is known to this process alone, and trouble() says
// so.
//
// Threads: any, but of the functions that change something the caller is inside the namespace that `netns` names by its
// inode.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/below_ip/tc_filter.h"
#include "daemon/ways_in/ledger_file.h"
#include "daemon/ways_in/ledger_lock.h"
#include "daemon/ways_in/ledger_undo.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

inline constexpr char kLedgerFolder[] = "/run/wobble";

struct WantedSysctl {
  std::string name;
  std::string value;
};

class Ledger {
 public:
  /// Is told, in one line each, what is not an error of the call under way: a parameter that somebody else has changed
  /// meanwhile, a file that was put aside, a folder that cannot be written.
  using Tell = std::function<void(const std::string&)>;

  explicit Ledger(std::string folder = kLedgerFolder, Tell tell = {});
  /// What is still held counts as left behind.
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;

  /// Sets a parameter until it is released as often as it was held. If another value is wanted than others want, the
  /// last one counts. Throws api::Incapable, and then holds nothing. Many at once cost little more than one.
  void hold_sysctl(ino_t netns, const std::string& name, const std::string& value);
  void hold_sysctls(ino_t netns, const std::vector<WantedSysctl>& wanted);
  /// Empty: it is undone as far as it is ours to undo. Else why it is not.
  [[nodiscard]] std::string release_sysctl(ino_t netns, const std::string& name) noexcept;
  [[nodiscard]] std::string release_sysctls(ino_t netns, const std::vector<std::string>& names) noexcept;
  /// What stands on record of the namespace, by whomsoever. Throws api::Incapable.
  NetnsRecord on_record(ino_t netns);

  /// Before a table of family inet is made. One of that name that was left behind is deleted. Throws api::Incapable.
  void note_nft_table(ino_t netns, const std::string& table);
  /// Deletes it. Returns as release_sysctl() does.
  [[nodiscard]] std::string drop_nft_table(ino_t netns, const std::string& table) noexcept;

  /// Before a filter is set up, and the qdisc with it if there is none: that is ours then, whatever `made_qdisc` says.
  /// Throws as note_nft_table().
  void note_filter(ino_t netns, const TcFilter& filter);
  /// Takes it away. The qdisc goes with the last of our filters at that device.
  [[nodiscard]] std::string drop_filter(ino_t netns, const TcFilter& filter) noexcept;

  /// Before a way in diverts this. Throws api::Conflict if another one, of us or of another who lives, takes some of it
  /// in that namespace already; api::Incapable.
  void note_claim(ino_t netns, const Claim& claim);
  /// The claim of that link, in whichever namespace the caller is. Harmless if there is none.
  void drop_claim(ino_t netns, const std::string& link) noexcept;

  /// Why nothing can be kept on record, so that nothing is put back after a kill; empty: all is well.
  std::string trouble() const;

 private:
  class Session;

  void tell(const std::vector<std::string>& lines) const;
  void tell_of_others(const std::vector<Undone>& undone, const std::vector<std::string>& but) const;
  /// How a parameter was on record before we held it.
  struct Held {
    std::string name;
    std::optional<SysctlEntry> was;
  };
  Held note_sysctl(Session& session, ino_t netns, const WantedSysctl& wanted) WOBBLE_REQUIRES(mutex_);
  void take_back(Session& session, ino_t netns, const Held& held) WOBBLE_REQUIRES(mutex_);

  const std::string folder_;
  const Tell tell_;
  mutable Mutex mutex_;
  std::optional<OwnerFile> owner_ WOBBLE_GUARDED_BY(mutex_);  ///< none while nothing is held
  Records mine_ WOBBLE_GUARDED_BY(mutex_);                    ///< what we own of the records, without the owners
  std::map<std::pair<ino_t, std::string>, int> uses_ WOBBLE_GUARDED_BY(mutex_);  ///< of sysctls, by namespace and name
  std::string trouble_ WOBBLE_GUARDED_BY(mutex_);
};

/// In the calling thread's namespace: a parameter's value as it is without any of us. Nothing: there is no such one.
std::optional<std::string> value_without_us(const NetnsRecord& record, const std::string& name);

}  // namespace wobble::daemon
