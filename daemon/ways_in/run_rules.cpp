#include "daemon/ways_in/run_rules.h"

#include "daemon/ways_in/kept_table.h"

namespace wobble::daemon {
namespace {

constexpr char kInsideTable[] = "wobble_inside";

std::string set_of(const std::vector<std::uint16_t>& ports) {
  std::string out;
  for (const std::uint16_t port : ports) out += (out.empty() ? "{ " : ", ") + std::to_string(port);
  return out + " }";
}

}  // namespace

std::string RunRules::outside() const {
  const std::string device = "\"" + names.device() + "\"";
  const std::string ours = names.v4(RunHost::outside);
  const std::string theirs = names.v4(RunHost::inside);
  const std::string theirs_v6 = names.v6(RunHost::inside);
  std::string rules = " chain out { type nat hook postrouting priority 100;\n";
  rules += "  ip saddr " + theirs + " oifname != " + device + " masquerade\n";
  if (has_v6) rules += "  ip6 saddr " + theirs_v6 + " oifname != " + device + " masquerade\n";
  rules += " }\n";
  if (!with.empty() || name_relay) {
    rules += " chain here { type nat hook prerouting priority -100;\n";
    const std::string asked = "  iifname " + device + " ip saddr " + theirs + " ip daddr " + ours + " ";
    if (!with.empty()) {
      rules += asked + "meta l4proto { tcp, udp } th dport " + set_of(with) + " dnat ip to 127.0.0.1\n";
      if (with_v6) {
        rules += "  iifname " + device + " ip6 saddr " + theirs_v6 + " ip6 daddr " + names.v6(RunHost::outside) +
                 " meta l4proto { tcp, udp } th dport " + set_of(with) + " dnat ip6 to ::1\n";
      }
    }
    if (name_relay) {
      rules += asked + "udp dport 53 redirect to :" + std::to_string(name_relay->udp) + "\n";
      rules += asked + "tcp dport 53 redirect to :" + std::to_string(name_relay->tcp) + "\n";
    }
    rules += " }\n";
  }
  if (!with.empty()) {
    // Where loopback may be reached by our device (route_localnet), nothing else of it may be. Of IPv6 the kernel lets
    // in no packet from or to ::1 by any device but lo.
    rules += " chain guard { type filter hook prerouting priority -300;\n";
    rules +=
        "  iifname " + device + " ip daddr 127.0.0.0/8 drop\n  iifname " + device + " ip saddr 127.0.0.0/8 drop\n }\n";
    // The server sees a client on its own machine, as it would without the link.
    rules += " chain local { type nat hook input priority 100;\n";
    rules += "  iifname " + device + " ip saddr " + theirs + " ip daddr 127.0.0.1 snat ip to 127.0.0.1\n";
    if (with_v6) rules += "  iifname " + device + " ip6 saddr " + theirs_v6 + " ip6 daddr ::1 snat ip6 to ::1\n";
    rules += " }\n";
  }
  return rules;
}

// The kernel takes the route to ::1 that lo has for packets that come by lo only, and has no route_localnet for IPv6.
std::vector<std::string> RunRules::v6_loopback_routes(const std::string& device) const {
  if (!with_v6) return {};
  return {"route replace local ::1 dev " + device + " table local metric 4096"};
}

std::string RunRules::inside() const {
  if (with.empty() && name_server.empty()) return "";
  std::string rules = " chain out { type nat hook output priority -100;\n";
  if (!with.empty()) {
    rules += "  ip daddr 127.0.0.1 meta l4proto { tcp, udp } th dport " + set_of(with) + " dnat ip to " +
             names.v4(RunHost::outside) + "\n";
    if (with_v6) {
      rules += "  ip6 daddr ::1 meta l4proto { tcp, udp } th dport " + set_of(with) + " dnat ip6 to " +
               names.v6(RunHost::outside) + "\n";
    }
  }
  if (!name_server.empty()) {
    rules += "  ip daddr 127.0.0.1 meta l4proto { tcp, udp } th dport 53 dnat ip to " + name_server + "\n";
  }
  rules +=
      " }\n chain leaving { type nat hook postrouting priority 100;\n  oifname \"near\" ip saddr 127.0.0.0/8 snat ip "
      "to " +
      names.v4(RunHost::inside) + "\n";
  if (with_v6) rules += "  oifname \"near\" ip6 saddr ::1 snat ip6 to " + names.v6(RunHost::inside) + "\n";
  rules += " }\n";
  return in_place_of(kInsideTable, rules);
}

}  // namespace wobble::daemon
