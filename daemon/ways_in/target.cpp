#include "daemon/ways_in/target.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "api/backend.h"
#include "api/conditions/asked_file.h"
#include "daemon/ways_in/container_inspect.h"

namespace wobble::daemon {
namespace {

constexpr char kPointer[] = "/attach/target";

[[noreturn]] void unfit(const std::string& why) { throw api::Unfit(kPointer, why); }

NetworkNamespace open_or_say(const std::string& path, const std::string& missing) {
  try {
    return NetworkNamespace::open(path);
  } catch (const std::system_error& e) {
    const int error = e.code().value();
    if (error == EACCES || error == EPERM) {
      throw api::Incapable(path + " may not be opened: run wobbled as root (docker: --cap-add SYS_PTRACE --pid host)");
    }
    if (error == EINVAL) unfit(path + " is no network namespace");
    unfit(missing);
  }
}

Target process(pid_t pid, const std::string& what) {
  const std::string missing = "there is no " + what + " here";
  const auto watch = process_watch(pid, what);
  if (!watch) unfit(missing);
  return {open_or_say("/proc/" + std::to_string(pid) + "/ns/net", missing), watch};
}

// It lasts as long as `path` leads to it.
Target at_path(const std::string& path, const std::string& missing, const std::string& when_gone) {
  Target target{open_or_say(path, missing), {}};
  const ino_t inode = target.netns.inode();
  target.gone = [path, inode, when_gone]() -> std::string {
    struct stat about {};
    const bool is_there = ::stat(path.c_str(), &about) == 0 && about.st_ino == inode;
    return is_there ? "" : when_gone;
  };
  return target;
}

Target named(const std::string& name) {
  if (name.empty()) unfit("a namespace's name is missing: netns:blue, or netns:/proc/17/ns/net");
  const bool is_path = name.find('/') != std::string::npos;
  if (is_path && !api::may_name_any_file()) {
    unfit("only root and the daemon's own user may name a namespace by its path: write netns:NAME or pid:N");
  }
  const std::string path = is_path ? name : "/run/netns/" + name;
  const std::string missing =
      is_path ? "there is no namespace at " + path
              : "there is no network namespace '" + name + "' (ip netns list shows those with a name)";
  return at_path(path, missing, "the namespace " + path + " is gone");
}

Target container(const std::string& name) {
  try {
    const Container found = ContainerEngine(container_engine_socket("")).inspect_running(name);
    return at_path(found.netns, "the container '" + name + "' has just ended", "container '" + name + "' has ended");
  } catch (const NoSuchContainer& e) {
    unfit(e.what());
  } catch (const ContainerNotRunning& e) {
    unfit(e.what());
  } catch (const EngineUnavailable& e) {
    throw api::Incapable(e.what());
  }
}

}  // namespace

Target find_target(const std::string& text) {
  if (text == "host") return {NetworkNamespace::own(), [] { return std::string(); }};
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string name = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (kind == "netns" && colon != std::string::npos) return named(name);
  if (kind == "container" && !name.empty()) return container(name);
  if (kind == "pid" && colon != std::string::npos) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid < 1) unfit("'" + name + "' is no process id");
    return process(pid, "process " + name);
  }
  unfit("'" + text +
        "' is none of pid:N, netns:NAME, container:NAME, host, and not localhost:PORT (in JSON: \"loopback\")");
}

std::function<std::string()> process_watch(pid_t pid, const std::string& what) {
  const auto handle = std::make_shared<UniqueFd>(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (handle->get() < 0) return {};
  return [handle, what]() -> std::string {  // a pidfd becomes readable when its process has ended
    pollfd ended{handle->get(), POLLIN, 0};
    return ::poll(&ended, 1, 0) > 0 ? what + " has ended" : "";
  };
}

bool has_processes(ino_t netns) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    struct stat about {};
    const bool is_process = std::isdigit(static_cast<unsigned char>(name[0])) != 0;
    if (is_process && ::stat((entry->path() / "ns/net").c_str(), &about) == 0 && about.st_ino == netns) return true;
  }
  return false;
}

std::string link_name_for(const std::string& target) {
  const auto colon = target.find(':');
  std::string name = target.substr(colon == std::string::npos ? 0 : colon + 1);
  if (target.starts_with("pid:")) name = "pid-" + name;
  const auto is_plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (char& c : name) {
    if (!is_plain(c) && c != '.' && c != '_') c = '-';
  }
  while (!name.empty() && !is_plain(name.front())) name.erase(0, 1);
  return name.substr(0, 60);
}

}  // namespace wobble::daemon
