#include "daemon/ways_in/plan.h"

#include <algorithm>

#include "api/backend.h"
#include "daemon/ways_in/loopback_device.h"

namespace wobble::daemon {
namespace {

constexpr char kLastMetric[] = "4294967295";

std::string number(std::uint32_t value) { return std::to_string(value); }

std::string rule(std::uint32_t priority, const std::string& selectors, std::uint32_t table) {
  return "rule add priority " + number(priority) + " " + selectors + " lookup " + number(table);
}

// What our two devices need so that packets may come out of them whose source is our own, or not behind them.
void add_device_settings(Plan& plan, const Slot& slot,
                         const std::vector<std::pair<const char*, const char*>>& settings) {
  for (const std::string& device : {slot.near_device(), slot.far_device()}) {
    for (const auto& [name, value] : settings) {
      plan.device_sysctls.emplace_back("ipv4/conf/" + device + "/" + name, value);
    }
  }
}

// A connection's own socket must not be found before its packet is routed: what has a socket is not forwarded.
void add_no_early_demux(Plan& plan) { plan.sysctls.emplace_back("ipv4/ip_early_demux", "0"); }

// ---------------------------------------------------------------------------------------------------------- attach

std::vector<const Interface*> chosen_interfaces(const api::AttachSettings& settings, const NetnsView& view) {
  std::vector<const Interface*> chosen;
  for (const Interface& interface : view.interfaces) {
    const bool is_named =
        std::find(settings.interfaces.begin(), settings.interfaces.end(), interface.name) != settings.interfaces.end();
    const bool has_address = !interface.addresses[0].empty() || !interface.addresses[1].empty();
    const bool is_ours = interface.name.starts_with(kDevicePrefix);
    const bool is_default = interface.is_up && !interface.is_loopback && has_address && !is_ours;
    if (settings.interfaces.empty() ? is_default : is_named) chosen.push_back(&interface);
  }
  for (std::size_t i = 0; i < settings.interfaces.size(); ++i) {
    const std::string pointer = "/attach/interfaces/" + std::to_string(i);
    const Interface* found = view.find(settings.interfaces[i]);
    if (found == nullptr) throw api::Unfit(pointer, "there is no interface '" + settings.interfaces[i] + "' there");
    if (found->is_loopback) throw api::Unfit(pointer, "for the loopback interface there is \"loopback\"");
    if (!found->is_up) throw api::Unfit(pointer, "the interface '" + found->name + "' is down");
  }
  if (chosen.empty()) throw api::Unfit("/attach/target", "no interface there is up and has an address");
  return chosen;
}

bool is_chosen(const std::vector<const Interface*>& chosen, const std::string& device) {
  return std::any_of(chosen.begin(), chosen.end(), [&](const Interface* i) { return i->name == device; });
}

/// The source the kernel would choose for a route without a preferred one.
std::string source_for(const Route& route, const Interface& interface) {
  if (!route.source.empty()) return route.source;
  const auto& addresses = interface.addresses[0];
  for (const OwnAddress& address : addresses) {
    if (!route.gateway.empty() && is_in_network(route.gateway, address)) return address.text;
  }
  return addresses.empty() ? "" : addresses.front().text;
}

bool is_link_local_or_multicast(const std::string& destination) {
  return destination.starts_with("fe80:") || destination.starts_with("ff");
}

// `main`, with our device in place of the interfaces meant; what is not meant falls through.
void mirror_routes(Plan& plan, Family family, const std::vector<const Interface*>& chosen, const NetnsView& view,
                   const Slot& slot) {
  const std::string table = " table " + number(slot.near_table());
  for (const Route& route : view.routes[index_of(family)]) {
    if (family == Family::v6 && is_link_local_or_multicast(route.destination)) continue;
    const std::string metric = route.metric.empty() ? "" : " metric " + route.metric;
    if (!is_chosen(chosen, route.device)) {
      plan.routes[index_of(family)].push_back("route add throw " + route.destination + table + metric);
      continue;
    }
    const Interface& interface = *view.find(route.device);
    std::string line = "route add " + route.destination + " dev " + slot.near_device();
    const std::string source = family == Family::v4 ? source_for(route, interface) : route.source;
    if (!source.empty()) line += " src " + source;
    line += table + metric;
    if (interface.mtu < plan.mtu) line += " mtu " + std::to_string(interface.mtu);
    plan.routes[index_of(family)].push_back(line);
  }
}

/// "ipproto 6 sport 443 from 10.0.0.0/8", each way in which the selection can be met. `peer` is "to" or "from".
std::vector<std::string> selectors(const api::AttachSettings& settings, Family family, const char* peer) {
  std::vector<std::string> protocols;
  const std::string& only = settings.protocol;
  if (only.empty() || only == "tcp") protocols.push_back("ipproto 6");
  if (only.empty() || only == "udp") protocols.push_back("ipproto 17");
  const bool icmp = settings.ports.empty() && (only.empty() || only == "icmp");
  if (icmp && family == Family::v4) protocols.push_back("ipproto 1");

  std::vector<std::string> peers;
  for (const std::string& address : settings.addresses) {
    if ((address.find(':') == std::string::npos) == (family == Family::v4)) {
      peers.push_back(" " + std::string(peer) + " " + address);
    }
  }
  if (settings.addresses.empty()) peers.emplace_back();

  std::vector<std::string> ports;
  for (const std::uint16_t port : settings.ports) {
    ports.push_back(" dport " + std::to_string(port));
    ports.push_back(" sport " + std::to_string(port));
  }
  if (settings.ports.empty()) ports.emplace_back();

  std::vector<std::string> out;
  for (const std::string& protocol : protocols) {
    for (const std::string& with_port : ports) {
      for (const std::string& with_peer : peers) {
        std::string all = protocol;
        all += with_port;
        all += with_peer;
        out.push_back(std::move(all));
      }
    }
  }
  return out;
}

void add_attach_rules(Plan& plan, const api::AttachSettings& settings, Family family,
                      const std::vector<const Interface*>& chosen, const Slot& slot) {
  std::vector<std::string>& rules = plan.rules[index_of(family)];
  rules.push_back(rule(slot.onward(), "iif " + slot.far_device(), 254));
  rules.push_back(rule(slot.onward(), "iif " + slot.near_device(), 255));
  rules.push_back(rule(slot.staying(), "iif lo", 255));
  for (const Interface* interface : chosen) {
    for (const std::string& selector : selectors(settings, family, "from")) {
      rules.push_back(rule(slot.arriving(), "iif " + interface->name + " " + selector, slot.far_table()));
    }
  }
  for (const std::string& selector : selectors(settings, family, "to")) {
    rules.push_back(rule(slot.leaving(), "iif lo " + selector, slot.near_table()));
  }
}

// When our devices are gone, what was meant for them ends here.
void add_blackholes(Plan& plan, Family family, const Slot& slot) {
  for (const std::uint32_t table : {slot.near_table(), slot.far_table()}) {
    plan.routes[index_of(family)].push_back("route add blackhole default table " + number(table) + " metric " +
                                            kLastMetric);
  }
}

void add_own_addresses(Plan& plan, Family family, const NetnsView& view, const Slot& slot) {
  const std::string rest = std::string(family == Family::v4 ? "/32" : "/128") + " dev " + slot.far_device() +
                           " table " + number(slot.far_table());
  for (const Interface& interface : view.interfaces) {
    if (interface.is_loopback) continue;
    for (const OwnAddress& address : interface.addresses[index_of(family)]) {
      plan.routes[index_of(family)].push_back("route add " + address.text + rest);
    }
  }
}

}  // namespace

Plan plan_attach(const api::AttachSettings& settings, const NetnsView& view, Slot slot) {
  Plan plan;
  plan.moves_local = true;
  const auto chosen = chosen_interfaces(settings, view);
  plan.mtu = 0;
  plan.uses[0] = plan.uses[1] = false;
  for (const Interface* interface : chosen) {
    plan.mtu = std::max(plan.mtu, interface->mtu);
    plan.arriving_on.push_back(interface->name);
    for (const Family family : kFamilies) {
      for (const OwnAddress& address : interface->addresses[index_of(family)]) {
        plan.uses[index_of(family)] = true;
        plan.near_addresses.push_back(address.text);
      }
    }
  }
  plan.mtu = std::min(plan.mtu, 65'535);
  for (const Family family : kFamilies) {
    if (selectors(settings, family, "to").empty()) plan.uses[index_of(family)] = false;
    if (!plan.uses[index_of(family)]) continue;
    mirror_routes(plan, family, chosen, view, slot);
    add_own_addresses(plan, family, view, slot);
    if (settings.fail == api::FailMode::closed) add_blackholes(plan, family, slot);
    add_attach_rules(plan, settings, family, chosen, slot);
  }
  add_no_early_demux(plan);
  for (const Interface* interface : chosen) {
    plan.sysctls.emplace_back("ipv4/conf/" + interface->name + "/forwarding", "1");
  }
  add_device_settings(plan, slot, {{"rp_filter", "0"}, {"accept_local", "1"}, {"forwarding", "1"}});
  return plan;
}

namespace {

// A source that the kernel chooses is ::1 only where a route leads to `lo`, which decides before ours is asked: so the
// first question, by a socket without an address, is answered "unreachable", upon which the kernel chooses by itself
// and asks again with ::1. From then on a rule "from ::1" is met, ours or, without our devices, the one for `local`.
void add_loopback_v6(Plan& plan, const std::string& protocol, const std::string& port, const Slot& slot) {
  plan.routes[1] = {"route add ::1/128 dev " + slot.near_device() + " table " + number(slot.near_table()),
                    "route add ::1/128 dev " + slot.far_device() + " table " + number(slot.far_table())};
  const std::string from = "from ::1 " + protocol;
  const std::string unreachable = "rule add priority " + number(slot.arriving()) + " to ::1 " + protocol;
  plan.rules[1] = {rule(slot.onward(), "iif lo fwmark " + number(kDeliveredMark), 255),
                   rule(slot.staying(), "iif lo", 255),
                   rule(slot.arriving(), from + " dport " + port, slot.near_table()),
                   rule(slot.arriving(), from + " sport " + port, slot.far_table()),
                   rule(slot.arriving(), from + " dport " + port, 255),
                   rule(slot.arriving(), from + " sport " + port, 255),
                   unreachable + " dport " + port + " type unreachable",
                   unreachable + " sport " + port + " type unreachable"};
}

}  // namespace

Plan plan_loopback(const api::LoopbackSettings& settings, const NetnsView& view, Slot slot) {
  Plan plan;
  plan.moves_local = true;
  const Interface* lo = nullptr;
  for (const Interface& interface : view.interfaces) {
    if (interface.is_loopback && interface.is_up) lo = &interface;
  }
  if (lo == nullptr) throw api::Incapable("the loopback interface is down: ip link set lo up");
  plan.mtu = std::min(lo->mtu, 65'535);
  plan.near_addresses = {"127.0.0.1"};
  plan.uses[1] = !lo->addresses[1].empty();
  if (plan.uses[1]) plan.near_addresses.emplace_back("::1");
  const std::string protocol = settings.protocol == "udp" ? "iif lo ipproto 17" : "iif lo ipproto 6";
  const std::string port = std::to_string(settings.port);
  const std::string local = "route add 127.0.0.0/8 dev ";
  plan.routes[0] = {local + slot.near_device() + " src 127.0.0.1 table " + number(slot.near_table()),
                    local + slot.far_device() + " src 127.0.0.1 table " + number(slot.far_table())};
  plan.rules[0] = {rule(slot.onward(), "iif " + slot.far_device(), 255),
                   rule(slot.onward(), "iif " + slot.near_device(), 255), rule(slot.staying(), "iif lo", 255),
                   rule(slot.arriving(), protocol + " dport " + port, slot.near_table()),
                   rule(slot.arriving(), protocol + " sport " + port, slot.far_table())};
  if (plan.uses[1]) add_loopback_v6(plan, protocol, port, slot);
  add_no_early_demux(plan);
  add_device_settings(plan, slot, {{"rp_filter", "0"}, {"accept_local", "1"}, {"route_localnet", "1"}});
  return plan;
}

Plan plan_gateway(const api::GatewaySettings& settings, const NetnsView& view, Slot slot) {
  Plan plan;
  plan.mtu = 0;
  plan.uses[1] = true;
  const std::pair<const char*, const std::string*> sides[] = {{"in", &settings.in}, {"out", &settings.out}};
  for (const auto& [field, name] : sides) {
    const std::string pointer = std::string("/gateway/") + field;
    const Interface* interface = view.find(*name);
    if (interface == nullptr) throw api::Unfit(pointer, "there is no interface '" + *name + "' here");
    if (interface->is_loopback) throw api::Unfit(pointer, "the loopback interface leads nowhere");
    if (!interface->is_up)
      throw api::Unfit(pointer, "the interface '" + *name + "' is down: ip link set " + *name + " up");
    plan.mtu = std::max(plan.mtu, interface->mtu);
    plan.uses[1] = plan.uses[1] && !interface->addresses[1].empty();
    plan.sysctls.emplace_back("ipv4/conf/" + *name + "/forwarding", "1");
  }
  plan.mtu = std::min(plan.mtu, 65'535);
  for (const Family family : kFamilies) {
    if (!plan.uses[index_of(family)]) continue;
    plan.routes[index_of(family)] = {
        "route add default dev " + slot.near_device() + " table " + number(slot.near_table()),
        "route add default dev " + slot.far_device() + " table " + number(slot.far_table())};
    if (settings.fail == api::FailMode::closed) add_blackholes(plan, family, slot);
    auto& rules = plan.rules[index_of(family)];
    rules = {rule(slot.onward(), "iif " + slot.far_device(), 254),
             rule(slot.onward(), "iif " + slot.near_device(), 254)};
    // Behind the table `local`: what is for this machine itself, neighbour discovery too, does not come here.
    rules.push_back(rule(slot.arriving(), "iif " + settings.in, slot.near_table()));
    rules.push_back(rule(slot.arriving(), "iif " + settings.out, slot.far_table()));
  }
  plan.arriving_on = {settings.in, settings.out};
  if (settings.masquerade) plan.masqueraded_device = settings.out;
  add_device_settings(plan, slot, {{"rp_filter", "0"}, {"forwarding", "1"}});
  return plan;
}

}  // namespace wobble::daemon
