// What the ways in need: kernel parameters that are right or can be set, programs at the hooks of interfaces, nothing
// in the way of forwarded packets, and a place for the record of changes.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "daemon/below_ip/bpf.h"
#include "daemon/cli/commands/doctor.h"
#include "daemon/cli/words/text.h"
#include "daemon/system/program.h"
#include "daemon/ways_in/container_inspect.h"
#include "daemon/ways_in/iproute.h"
#include "daemon/ways_in/ledger_recovery.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {
namespace {

struct Parameter {
  const char* name;
  const char* wanted;
  const char* what_for;
};

// In the daemon's own namespace; in another one, an attach sets them there in the same way.
constexpr Parameter kParameters[] = {
    {"ipv4/ip_forward", "1", "for gateway and run"},
    {"ipv6/conf/all/forwarding", "1", "for IPv6"},
    {"ipv4/conf/lo/accept_local", "1", "for localhost"},
    {"ipv4/conf/lo/route_localnet", "1", "for localhost"},
};

Check parameter(const Parameter& wanted) {
  const std::string name = sysctl_name(wanted.name);
  const auto value = read_sysctl(wanted.name);
  if (!value) return {name, true, "not in this kernel", ""};
  if (value == wanted.wanted) return {name, true, *value + ", as it must be " + wanted.what_for, ""};
  if (::access(("/proc/sys/net/" + std::string(wanted.name)).c_str(), W_OK) == 0) {
    return {name, true, clean(*value) + "; set to " + wanted.wanted + " where it is needed, and put back", ""};
  }
  const std::string why = std::strerror(errno);
  return {name, false, clean(*value) + ", must be " + wanted.wanted + " " + wanted.what_for + ", cannot be set: " + why,
          "sysctl -w " + name + "=" + wanted.wanted + " (docker: --sysctl " + name + "=" + wanted.wanted + ")"};
}

Check below_ip() {
  const std::string name = "programs below IP";
  try {
    return {name, true, has_tcx() ? "by tcx links: they go when the daemon does" : "by cls_bpf: this kernel has no tcx",
            ""};
  } catch (const std::system_error& e) {
    return {
        name, false, clean(e.what()) + "; needed for attach, localhost and gateway",
        "run as root (docker: --cap-add NET_ADMIN --cap-add BPF; Docker 20.10 does not know BPF: --cap-add SYS_ADMIN)"};
  }
}

Check nft() {
  const std::string path = find_program("nft");
  if (!path.empty()) return {"nft", true, path, ""};
  return {"nft", false, "not in PATH; needed for run and for a gateway that masquerades", "apt install nftables"};
}

// As Docker sets it on its hosts: what is not a container's is not forwarded.
Check forward_policy() {
  Check fine{"forwarded packets", true, "not dropped by a policy", ""};
  if (find_program("nft").empty()) return fine;
  const Finished chain = run_process({"nft", "list", "chain", "ip", "filter", "FORWARD"});
  if (chain.exit_code != 0 || chain.out.find("policy drop") == std::string::npos) return fine;
  if (chain.out.find("\"wob") != std::string::npos) return {fine.name, true, "ours are let through", ""};
  return {fine.name, false, "dropped by the policy of the chain FORWARD (Docker sets it); run needs it",
          "iptables -I FORWARD -i 'wob+' -j ACCEPT; iptables -I FORWARD -o 'wob+' -j ACCEPT"};
}

Check container_engine() {
  const std::string name = "container engine";
  try {
    const std::string socket = container_engine_socket("");
    struct stat about {};
    if (::stat(socket.c_str(), &about) == 0) return {name, true, socket, ""};
    return {name, true, "none at " + clean(socket) + "; only 'attach container:NAME' needs one", ""};
  } catch (const EngineUnavailable& e) {
    return {name, false, clean(e.what()), "unset DOCKER_HOST"};
  }
}

Check record() {
  const std::string why = why_no_record();
  if (why.empty()) return {"record of changes", true, std::string("can be kept in ") + kLedgerFolder, ""};
  return {"record of changes", false, "cannot be kept, and nothing is put back after a kill: " + clean(why),
          "run as root, with a /run that can be written (docker: --tmpfs /run)"};
}

template <typename Examine>
void add(std::vector<Check>& checks, const char* name, const Examine& examine) {
  try {
    checks.push_back(examine());
  } catch (const std::exception& e) {
    checks.push_back({name, false, clean(e.what()), "mend the lines above first"});
  }
}

}  // namespace

std::vector<Check> check_ways_in() {
  std::vector<Check> checks;
  for (const Parameter& wanted : kParameters) checks.push_back(parameter(wanted));
  checks.push_back(below_ip());
  add(checks, "nft", nft);
  add(checks, "forwarded packets", forward_policy);
  add(checks, "container engine", container_engine);
  checks.push_back(record());
  return checks;
}

}  // namespace wobble::daemon
