#include "daemon/ways_in/claim.h"

#include <algorithm>
#include <functional>

#include "daemon/ways_in/selection.h"

namespace wobble::daemon {
namespace {

// An empty list means all there is.
template <typename T, typename Same>
bool meet(const std::vector<T>& a, const std::vector<T>& b, const Same& same) {
  if (a.empty() || b.empty()) return true;
  return std::ranges::any_of(
      a, [&](const T& x) { return std::ranges::any_of(b, [&](const T& y) { return same(x, y); }); });
}

bool networks_meet(const std::string& a, const std::string& b) { return read_network(a).meets(read_network(b)); }

bool protocols_meet(const Claim& a, const Claim& b) {
  const auto has_no_ports = [](const Claim& one, const Claim& other) {
    return one.protocol == "icmp" && !other.ports.empty();
  };
  if (has_no_ports(a, b) || has_no_ports(b, a)) return false;
  return a.protocol.empty() || b.protocol.empty() || a.protocol == b.protocol;
}

}  // namespace

Claim claim_of(const std::string& link, const api::WayInSettings& settings) {
  Claim claim{link, api::kind_of(settings), {}, {}, {}, {}};
  if (const auto* attach = std::get_if<api::AttachSettings>(&settings)) {
    claim.interfaces = attach->interfaces;
    claim.ports = attach->ports;
    claim.addresses = attach->addresses;
    claim.protocol = attach->protocol;
  } else if (const auto* loopback = std::get_if<api::LoopbackSettings>(&settings)) {
    claim.ports = {loopback->port};
    claim.protocol = loopback->protocol;
  } else if (const auto* gateway = std::get_if<api::GatewaySettings>(&settings)) {
    claim.interfaces = {gateway->in, gateway->out};
  }
  return claim;
}

// A gateway takes what is forwarded between its two interfaces, whichever is named first; what is forwarded between one
// of them and a third is not its.
bool overlap(const Claim& a, const Claim& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == "gateway") return std::ranges::is_permutation(a.interfaces, b.interfaces);
  return protocols_meet(a, b) && meet(a.interfaces, b.interfaces, std::equal_to<std::string>()) &&
         meet(a.ports, b.ports, std::equal_to<std::uint16_t>()) && meet(a.addresses, b.addresses, networks_meet);
}

}  // namespace wobble::daemon
