// Finding a container's network namespace by its name: asks Docker, or Podman by the same API, over its Unix socket.
// Only reads (GET /containers/NAME/json), so a socket that is mounted read-only into a container does.
//
// How the namespace is reached: by its pid below /proc, if this process sees the engine's processes; or by the path
// that the engine itself keeps it under ("SandboxKey"), which a container sees if it is mounted there.
#pragma once

#include <sys/types.h>

#include <stdexcept>
#include <string>

namespace wobble::daemon {

struct Container {
  std::string id;     ///< 64 hexadecimal digits
  std::string name;   ///< without a leading slash
  std::string state;  ///< "created", "running", "paused", "restarting", "removing", "exited", "dead"
  pid_t pid = 0;      ///< of its first process, as the engine counts; 0: none
  std::string netns;  ///< path to its network namespace, openable from here; empty unless it runs
};

struct NoSuchContainer : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct ContainerNotRunning : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// The engine cannot be asked, or the namespace it names cannot be reached from here. One line, with what mends it.
struct EngineUnavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The socket to ask: `option` (--docker-socket) if it is not empty; else DOCKER_HOST, if it is unix://PATH; else the
/// first of /run/docker.sock, /var/run/docker.sock and /run/podman/podman.sock that is there, or the first of them.
/// EngineUnavailable if DOCKER_HOST is of another kind, since only a local engine's containers can be entered.
std::string container_engine_socket(const std::string& option);

/// Thread-safe: each question has a connection of its own, and waits for at most five seconds.
class ContainerEngine {
 public:
  explicit ContainerEngine(std::string socket);

  /// By name or id (or the beginning of one). NoSuchContainer, EngineUnavailable.
  Container inspect(const std::string& name) const;
  /// The same, but it must be running and its namespace within reach. ContainerNotRunning.
  Container inspect_running(const std::string& name) const;

  const std::string& socket() const { return socket_; }

 private:
  std::string socket_;
};

/// Of the engine's answer to GET /containers/NAME/json; `netns` is left empty. EngineUnavailable if it is none.
Container read_container(const std::string& json);

}  // namespace wobble::daemon
