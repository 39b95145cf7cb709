// Kernel parameters below /proc/sys/net, of the calling thread's network namespace. A name is a path from there:
// "ipv4/conf/eth0/rp_filter", since an interface's name may have dots.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace wobble::daemon {

/// Nothing if there is no such parameter (a kernel without IPv6).
std::optional<std::string> read_sysctl(const std::string& name);

/// Whether there is such a parameter, readable or not.
bool has_sysctl(const std::string& name);

/// Throws api::Incapable, which says how to set it by hand, if it cannot be written.
void write_sysctl(const std::string& name, const std::string& value);

/// As write_sysctl(), unless it has the value already: so nothing need be writable where all is right.
/// True if it was written.
bool require_sysctl(const std::string& name, const std::string& value);

/// The names below a folder such as "ipv4/conf", without "all" and "default".
std::vector<std::string> interfaces_in(const std::string& folder);

/// As sysctl(8) has it: "net.ipv4.ip_forward".
std::string sysctl_name(const std::string& name);

}  // namespace wobble::daemon
