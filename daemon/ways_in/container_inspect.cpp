#include "daemon/ways_in/container_inspect.h"

#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "daemon/ways_in/pid_namespace.h"

namespace wobble::daemon {
namespace {

using Json = nlohmann::json;

constexpr time_t kEngineTimeout = 5;  // seconds
constexpr const char* kSockets[] = {"/run/docker.sock", "/var/run/docker.sock", "/run/podman/podman.sock"};

std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool is_plain(const std::string& name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  return !name.empty() && name.size() <= 255 && name.find_first_not_of(kAllowed) == std::string::npos;
}

[[noreturn]] void cannot_ask(const std::string& socket, int error) {
  const std::string what = "cannot ask the container engine at " + socket + ": ";
  if (error == ENOENT) {
    throw EngineUnavailable(what +
                            "there is no such socket; start Docker, mount its socket here, or name another by "
                            "--docker-socket PATH or DOCKER_HOST=unix://PATH");
  }
  if (error == EACCES || error == EPERM) {
    throw EngineUnavailable(what + "permission denied; run wobbled as root, or as a member of the socket's group");
  }
  if (error == ECONNREFUSED) throw EngineUnavailable(what + "nobody listens there; start the engine");
  throw EngineUnavailable(what + std::strerror(error));
}

/// The HTTP library does not say why it could not connect; the kernel does.
void check_connects(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) cannot_ask(path, ENAMETOOLONG);
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) cannot_ask(path, errno);
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::close(fd);
  if (result != 0) cannot_ask(path, error);
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

/// Whether /proc/PID means the process that the engine means. In another pid namespace the same number is somebody
/// else.
bool sees_process(const Container& container) {
  if (sees_every_process()) return true;
  std::ifstream file("/proc/" + std::to_string(container.pid) + "/cgroup");
  const std::string groups(std::istreambuf_iterator<char>(file), {});
  return groups.find(container.id) != std::string::npos;
}

std::string reachable_netns(const Container& container, const std::string& sandbox) {
  const std::string by_pid = "/proc/" + std::to_string(container.pid) + "/ns/net";
  if (sees_process(container) && ::access(by_pid.c_str(), F_OK) == 0) return by_pid;
  return !sandbox.empty() && exists(sandbox) ? sandbox : "";
}

Json parse(const std::string& body) {
  Json parsed = Json::parse(body, nullptr, false);
  if (!parsed.is_object() || text(parsed, "Id").empty() || !parsed.contains("State") || !parsed["State"].is_object()) {
    throw EngineUnavailable("what answers at the container engine's socket is no container engine");
  }
  return parsed;
}

Container read(const Json& answer) {
  Container container;
  container.id = text(answer, "Id");
  container.name = text(answer, "Name");
  if (container.name.starts_with('/')) container.name.erase(0, 1);
  const Json& state = answer["State"];
  container.state = text(state, "Status");
  const auto pid = state.find("Pid");
  if (pid != state.end() && pid->is_number_integer()) container.pid = pid->get<pid_t>();
  return container;
}

std::string sandbox_of(const Json& answer) {
  const auto settings = answer.find("NetworkSettings");
  return settings != answer.end() && settings->is_object() ? text(*settings, "SandboxKey") : "";
}

}  // namespace

std::string container_engine_socket(const std::string& option) {
  if (!option.empty()) return option;
  constexpr std::string_view kUnix = "unix://";
  if (const char* host = std::getenv("DOCKER_HOST"); host != nullptr && *host != '\0') {
    const std::string_view url = host;
    if (url.starts_with(kUnix)) return std::string(url.substr(kUnix.size()));
    throw EngineUnavailable("DOCKER_HOST is " + std::string(url) +
                            ": only a container on this machine can be attached to, by unix://PATH");
  }
  for (const char* path : kSockets) {
    if (exists(path)) return path;
  }
  return kSockets[0];
}

ContainerEngine::ContainerEngine(std::string socket) : socket_(std::move(socket)) {}

Container read_container(const std::string& json) { return read(parse(json)); }

Container ContainerEngine::inspect(const std::string& name) const {
  if (!is_plain(name)) {
    throw NoSuchContainer("'" + name + "' is no container's name: letters, digits, '_', '.' and '-' are");
  }
  check_connects(socket_);
  httplib::Client client(socket_, 80);  // the port means nothing here
  client.set_address_family(AF_UNIX);
  client.set_default_headers({{"Host", "localhost"}});
  client.set_connection_timeout(kEngineTimeout);
  client.set_read_timeout(kEngineTimeout);
  client.set_write_timeout(kEngineTimeout);
  const httplib::Result result = client.Get("/containers/" + name + "/json");
  if (!result) {
    throw EngineUnavailable("the container engine at " + socket_ +
                            " gave no answer: " + httplib::to_string(result.error()));
  }
  if (result->status == 404) throw NoSuchContainer("there is no container '" + name + "' (see 'docker ps')");
  if (result->status != 200) {
    const Json problem = Json::parse(result->body, nullptr, false);
    throw EngineUnavailable("the container engine at " + socket_ + " refused with status " +
                            std::to_string(result->status) +
                            (problem.is_object() ? ": " + text(problem, "message") : std::string()));
  }
  const Json answer = parse(result->body);
  Container container = read(answer);
  if (container.pid > 0) container.netns = reachable_netns(container, sandbox_of(answer));
  return container;
}

Container ContainerEngine::inspect_running(const std::string& name) const {
  Container container = inspect(name);
  if (container.pid <= 0) {
    throw ContainerNotRunning("the container '" + container.name + "' is not running (it is " + container.state + ")");
  }
  if (container.netns.empty()) {
    throw EngineUnavailable("the network namespace of the container '" + container.name +
                            "' is out of reach: give wobble's container the host's pids (--pid host), or mount "
                            "/run/docker/netns into it");
  }
  return container;
}

}  // namespace wobble::daemon
