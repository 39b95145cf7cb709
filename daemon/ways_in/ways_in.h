// Makes ways in. One at a time: everything is under one lock, since the ledger and the kernel's rules are shared.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "daemon/below_ip/hook_program.h"
#include "daemon/ways_in/heartbeat.h"
#include "daemon/ways_in/ledger.h"
#include "daemon/ways_in/target.h"
#include "daemon/ways_in/way_in.h"

namespace wobble::daemon {

/// What the kernel has refused, in one line, with what mends it.
std::string with_remedy(const std::system_error& error);

struct WaysInOptions {
  bool offload = true;             ///< as for TunDevice
  std::optional<HookKind> hook{};  ///< of programs below IP; none: the better one that this kernel has
  bool kernel_path = true;         ///< what nothing is to happen to stays in the kernel, where it can
  std::string ledger_folder = kLedgerFolder;
};

class WaysIn {
 public:
  /// `tell` as for Ledger.
  explicit WaysIn(const WaysInOptions& options, Ledger::Tell tell = {});

  /// The API's TCP port, which an attach of our own namespace leaves alone from now on.
  void spare(std::uint16_t port) { spared_port_ = port; }

  /// Sets one up for the link of that name, with its devices; it is not open yet. Throws api::Unfit, api::Incapable;
  /// api::Conflict if what it would divert is diverted already, by a link of ours or of another daemon.
  std::unique_ptr<WayIn> make(const std::string& link, const api::WayInSettings& settings);

  /// A name for a link, unless the person gave one.
  static std::string name_for(const api::WayInSettings& settings);

 private:
  std::unique_ptr<WayIn> make_kind(const std::string& link, const api::WayInSettings& settings);
  std::unique_ptr<WayIn> divert(const std::string& link, Target target, const api::WayInSettings& settings);

  /// Why nothing can stay in the kernel; empty: it can.
  std::string why_no_kernel_path() const;

  const WaysInOptions options_;
  std::optional<bool> has_tcx_;  ///< none: the kernel was not asked yet
  std::uint16_t spared_port_ = 0;
  Ledger ledger_;
  Heartbeat heartbeat_;
};

}  // namespace wobble::daemon
