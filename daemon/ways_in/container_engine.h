// Containers by name, through the Docker engine's socket (Podman speaks the same).
#pragma once

#include <sys/types.h>

#include <string>

namespace wobble::daemon {

/// The pid of the container's first process, as this pid namespace sees it. `name` is a container's name or id.
/// Throws api::Unfit with `pointer` if there is no such container, or it is not running; api::Incapable if no engine
/// can be asked.
pid_t container_pid(const std::string& name, const std::string& pointer);

}  // namespace wobble::daemon
