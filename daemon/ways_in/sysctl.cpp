#include "daemon/ways_in/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "api/backend.h"
#include "daemon/system/marks.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {
namespace {

std::string path_of(const std::string& name) { return "/proc/sys/net/" + name; }

// What a person sets so that `name` is right from the start. A device of ours is not there before us: then its default
// must be right. Forwarding is switched on for every interface at once, as all documentation has it.
std::string to_be_set(const std::string& name, bool on) {
  if (on && name.starts_with("ipv4/conf/") && name.ends_with("/forwarding")) return sysctl_name("ipv4/ip_forward");
  if (on && name.starts_with("ipv6/conf/") && name.ends_with("/forwarding"))
    return sysctl_name("ipv6/conf/all/forwarding");
  const auto device = name.find("/conf/" + std::string(kDevicePrefix));
  if (device == std::string::npos) return sysctl_name(name);
  const auto end = name.find('/', device + 6);
  return sysctl_name(name.substr(0, device) + "/conf/default" + name.substr(end));
}

}  // namespace

std::string sysctl_name(const std::string& name) {
  std::string out = "net/" + name;
  if (name.find('.') == std::string::npos) std::replace(out.begin(), out.end(), '/', '.');
  return out;
}

std::optional<std::string> read_sysctl(const std::string& name) {
  const UniqueFd file(::open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC));
  char text[256];
  const ssize_t n = file.get() < 0 ? -1 : ::read(file.get(), text, sizeof text);
  if (n < 0) return std::nullopt;
  std::string value(text, static_cast<std::size_t>(n));
  while (!value.empty() && value.back() == '\n') value.pop_back();
  return value;
}

bool has_sysctl(const std::string& name) { return ::access(path_of(name).c_str(), F_OK) == 0 || errno != ENOENT; }

void write_sysctl(const std::string& name, const std::string& value) {
  const UniqueFd file(::open(path_of(name).c_str(), O_WRONLY | O_CLOEXEC));
  const bool written = file.get() >= 0 && ::write(file.get(), value.data(), value.size()) >= 0;
  if (written) return;
  const bool lacks_rights = errno == EACCES || errno == EPERM;
  const std::string why = std::strerror(errno);
  const std::string wanted = to_be_set(name, value == "1") + "=" + value;
  throw api::Incapable(sysctl_name(name) + " is " + read_sysctl(name).value_or("not there") + " and must be " + value +
                       ", but cannot be set (" + why + "): " + (lacks_rights ? "run as root, or " : "") +
                       "set it by 'sysctl -w " + wanted + "' (docker: --sysctl " + wanted + "); see 'wobble doctor'");
}

bool require_sysctl(const std::string& name, const std::string& value) {
  if (read_sysctl(name) == value) return false;
  write_sysctl(name, value);
  return true;
}

std::vector<std::string> interfaces_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path_of(folder), error)) {
    const std::string name = entry.path().filename();
    if (name != "all" && name != "default") names.push_back(name);
  }
  return names;
}

}  // namespace wobble::daemon
