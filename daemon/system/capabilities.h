// The capabilities of a daemon that does not run as root.
#pragma once

namespace wobble::daemon {

/// For a process that is not root but whose file carries capabilities (setcap wobbled, or none at all): makes
/// CAP_BPF, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_ADMIN and CAP_SYS_PTRACE effective as far as they
/// are permitted, and ambient, so that the `ip` and `nft` it starts have them too (capabilities(7)). What is not
/// permitted stays away, without an error: whoever needs it is refused by the kernel and says so. Root keeps what it
/// has. Call before any thread is started. Throws std::system_error only if the kernel does not know its own
/// capabilities.
void take_up_capabilities();

}  // namespace wobble::daemon
