// Network namespaces, entered by the path that the API gives.
#pragma once

#include <string>
#include <vector>

namespace wobble::daemon {

/// Moves this process into the network namespace at `path`, for good. Failure with what stands in the way.
void enter_network_namespace(const std::string& path);

/// Gives this process, which is in another network namespace, the files that belong to it, for good: a mount namespace
/// in which /etc/resolv.conf, if there is one, names `servers` and keeps its other lines, /sys shows the namespace's
/// own interfaces, and the sockets of resolvers that would ask for us from outside (systemd-resolved, nscd) answer
/// nobody. Nothing of it is seen by others, or left. Failure; needs CAP_SYS_ADMIN.
void use_own_files(const std::vector<std::string>& servers);

/// `original` with `servers` in place of its own.
std::string resolv_conf_with(const std::string& original, const std::vector<std::string>& servers);

}  // namespace wobble::daemon
