// What this machine's firewall is made of, for a person who has to let something through it.
#pragma once

#include <string>

#include "daemon/ways_in/iproute.h"

namespace wobble::daemon {

/// For packets that are dropped at `hook` ("forward", "input"): which chains have the policy to drop, and the commands
/// that let through what comes and goes by devices whose names begin with `devices`. One line.
std::string what_lets_through(Family family, const std::string& hook, const std::string& devices);

/// The same, from what `nft --json list chains` has said.
std::string what_lets_through(const IpJson& chains, Family family, const std::string& hook, const std::string& devices);

}  // namespace wobble::daemon
