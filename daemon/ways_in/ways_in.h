// Makes ways in. One at a time: everything is under one lock, since the ledger and the kernel's rules are shared.
#pragma once

#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "daemon/ways_in/ledger.h"
#include "daemon/ways_in/way_in.h"

namespace wobble::daemon {

/// What the kernel has refused, in one line, with what mends it.
std::string with_remedy(const std::system_error& error);

class WaysIn {
 public:
  /// `offload` as for TunDevice; `tell` as for Ledger.
  explicit WaysIn(bool offload, Ledger::Tell tell = {});

  /// Sets one up, with its devices; it is not open yet. `there` are the settings and namespaces of those that stand:
  /// what they divert already is refused. Throws api::Unfit, api::Incapable, api::Conflict.
  std::unique_ptr<WayIn> make(const api::WayInSettings& settings, const std::vector<const WayIn*>& there);

  /// A name for a link, unless the person gave one.
  static std::string name_for(const api::WayInSettings& settings);

 private:
  std::unique_ptr<WayIn> make_kind(const api::WayInSettings& settings, const std::vector<const WayIn*>& there);

  bool offload_;
  Ledger ledger_;
};

}  // namespace wobble::daemon
