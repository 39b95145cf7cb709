// What a way in is attached to: a namespace, and what tells that it is no more.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "daemon/system/network_namespace.h"

namespace wobble::daemon {

struct Target {
  NetworkNamespace netns;
  /// Why the target is no more: "process 17 has ended". Empty while it is there. Cheap; any thread, one at a time.
  std::function<std::string()> gone;
};

/// `text` is "pid:N", "netns:NAME", "netns:/a/path", "host" or "container:NAME". Throws api::Unfit with the pointer
/// /attach/target if it is none of these or is not there, api::Incapable if we may not enter it.
Target find_target(const std::string& text);

/// Tells whether that process has ended, as Target::gone(): `what` + " has ended". None if there is no such process.
std::function<std::string()> process_watch(pid_t pid, const std::string& what);

/// Whether a process that we may look at is in the network namespace of that inode.
bool has_processes(ino_t netns);

/// A name for a link to it: "web" of "container:web", "pid-17" of "pid:17".
std::string link_name_for(const std::string& target);

}  // namespace wobble::daemon
