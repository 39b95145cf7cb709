#include "daemon/ways_in/forwarding.h"

#include "daemon/marks.h"
#include "daemon/ways_in/iproute.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {

// The kernel's switch is one for all interfaces, and changes each one's own: they are kept one by one. A host that
// forwards does not hear router advertisements unless it is told to (accept_ra 2), and forgets the routes of before.
// What others of us have set already is held too, or it would go with them: so what counts is how it is without us.
void hold_v6_forwarding(Ledger& ledger, ino_t netns, std::vector<std::string>& held) {
  const std::string all = "ipv6/conf/all/forwarding";
  if (ledger.value_before(netns, all).value_or("1") == "1") return;  // or a kernel without IPv6
  const auto hold = [&](const std::string& name, const std::string& value) {
    ledger.hold_sysctl(netns, name, value);
    held.push_back(name);
  };
  std::vector<std::string> interfaces;
  for (const std::string& name : interfaces_in("ipv6/conf")) {
    if (!name.starts_with(kDevicePrefix)) interfaces.push_back("ipv6/conf/" + name);
  }
  for (const std::string& interface : interfaces) {
    const std::string accept_ra = interface + "/accept_ra";
    if (ledger.value_before(netns, accept_ra) == "1") hold(accept_ra, "2");
  }
  hold("ipv6/conf/default/forwarding", "1");
  for (const std::string& interface : interfaces) hold(interface + "/forwarding", "1");
  hold(all, "1");
}

std::string release_sysctls(Ledger& ledger, ino_t netns, std::vector<std::string>& held) noexcept {
  std::string failed;
  for (auto name = held.rbegin(); name != held.rend(); ++name) {
    add_failure(failed, ledger.release_sysctl(netns, *name));
  }
  held.clear();
  return failed;
}

void add_failure(std::string& all, const std::string& one) noexcept {
  if (!one.empty()) all += (all.empty() ? "" : "; ") + one;
}

void keep_v6_quiet(const std::string& device) noexcept {
  try_ip(Family::v4, {"link set " + device + " addrgenmode none"});  // refused by a kernel without IPv6
  try {
    require_sysctl("ipv6/conf/" + device + "/forwarding", "0");
  } catch (const std::exception&) {  // then it announces itself once: where parameters cannot be set
  }
}

}  // namespace wobble::daemon
