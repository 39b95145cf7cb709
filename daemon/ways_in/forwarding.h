// Forwarding as a way in needs it, on record.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "daemon/ways_in/ledger.h"

namespace wobble::daemon {

/// In the calling thread's namespace: switches IPv6 forwarding on, unless the machine forwards by its own will. Adds to
/// `held` what is now held, and throws as Ledger::hold_sysctl().
void hold_v6_forwarding(Ledger& ledger, ino_t netns, std::vector<std::string>& held);

/// Holds them all, or throws as Ledger::hold_sysctls() and holds none.
void hold_sysctls(Ledger& ledger, ino_t netns, const std::vector<WantedSysctl>& wanted, std::vector<std::string>& held);

/// Sets those of `held` again that somebody else has set to another value; with `needs_v6`, IPv6 forwarding too, which
/// is held from then on if it was on before by the machine's own will. Says which they were: "net.ipv4.ip_forward,
/// ..."; empty: none. Throws api::Incapable.
std::string set_again(Ledger& ledger, ino_t netns, bool needs_v6, std::vector<std::string>& held);

/// What could not be put back, in a line each; `held` is empty then.
[[nodiscard]] std::string release_sysctls(Ledger& ledger, ino_t netns, std::vector<std::string>& held) noexcept;

/// Adds one more to what could not be undone: "this; that".
void add_failure(std::string& all, const std::string& one) noexcept;

/// In the calling thread's namespace, of a device that is not up yet: no link-local address, and not one of all
/// routers, which it would tell by multicast.
void keep_v6_quiet(const std::string& device) noexcept;

}  // namespace wobble::daemon
