#include "daemon/ways_in/netns_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace wobble::daemon {
namespace {

constexpr const char* kGlobalScope = "0";  // RT_SCOPE_UNIVERSE; `ip` may also write "global"

bool has_flag(const IpJson& interface, const char* flag) {
  const auto flags = interface.find("flags");
  return flags != interface.end() && std::find(flags->begin(), flags->end(), flag) != flags->end();
}

std::vector<OwnAddress> read_addresses(const IpJson& interface, Family family) {
  std::vector<OwnAddress> out;
  const auto list = interface.find("addr_info");
  if (list == interface.end()) return out;
  for (const IpJson& info : *list) {
    if (member(info, "family") != (family == Family::v4 ? "inet" : "inet6")) continue;
    const std::string scope = member(info, "scope");
    const bool is_global = scope == "global" || scope == kGlobalScope || member(info, "local") == "::1";
    if (family == Family::v6 && !is_global) continue;
    out.push_back({member(info, "local"), static_cast<int>(number_in(info, "prefixlen").value_or(0))});
  }
  return out;
}

}  // namespace

const Interface* NetnsView::find(const std::string& name) const {
  const auto found = std::find_if(interfaces.begin(), interfaces.end(), [&](const auto& i) { return i.name == name; });
  return found == interfaces.end() ? nullptr : &*found;
}

std::vector<Interface> read_interfaces(const IpJson& addresses) {
  std::vector<Interface> out;
  for (const IpJson& entry : addresses) {
    Interface interface;
    interface.name = member(entry, "ifname");
    if (interface.name.empty()) continue;
    interface.mtu = static_cast<int>(number_in(entry, "mtu").value_or(1500));
    interface.is_up = has_flag(entry, "UP");
    interface.is_loopback = has_flag(entry, "LOOPBACK");
    for (const Family family : kFamilies) interface.addresses[index_of(family)] = read_addresses(entry, family);
    out.push_back(std::move(interface));
  }
  return out;
}

std::vector<Route> read_routes(const IpJson& routes) {
  std::vector<Route> out;
  for (const IpJson& entry : routes) {
    Route route{member(entry, "dst"), member(entry, "dev")};
    const std::string type = member(entry, "type");
    if (!type.empty() && type != "unicast" && type != "1") route.device.clear();
    if (!route.destination.empty()) out.push_back(std::move(route));
  }
  return out;
}

NetnsView look_around() {
  NetnsView view;
  view.interfaces = read_interfaces(ask_ip({"address", "show"}));
  for (const Family family : kFamilies) {
    view.routes[index_of(family)] = read_routes(ask_ip(family, {"route", "show", "table", "main"}));
  }
  return view;
}

}  // namespace wobble::daemon
