#include "daemon/ways_in/forwarding.h"

#include "daemon/system/marks.h"
#include "daemon/ways_in/iproute.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {
namespace {

constexpr char kAllForwardV6[] = "ipv6/conf/all/forwarding";

}  // namespace

// The kernel's switch is one for all interfaces, and changes each one's own: they are kept one by one. A host that
// forwards does not hear router advertisements unless it is told to (accept_ra 2), and forgets the routes of before.
// What others of us have set already is held too, or it would go with them: so what counts is how it is without us.
void hold_v6_forwarding(Ledger& ledger, ino_t netns, std::vector<std::string>& held) {
  const std::string all = kAllForwardV6;
  const NetnsRecord record = ledger.on_record(netns);
  if (value_without_us(record, all).value_or("1") == "1") return;  // or a kernel without IPv6
  std::vector<WantedSysctl> wanted;
  std::vector<WantedSysctl> forwarding{{"ipv6/conf/default/forwarding", "1"}};
  for (const std::string& name : interfaces_in("ipv6/conf")) {
    if (name.starts_with(kDevicePrefix)) continue;
    const std::string accept_ra = "ipv6/conf/" + name + "/accept_ra";
    if (value_without_us(record, accept_ra) == "1") wanted.push_back({accept_ra, "2"});
    forwarding.push_back({"ipv6/conf/" + name + "/forwarding", "1"});
  }
  forwarding.push_back({all, "1"});
  wanted.insert(wanted.end(), forwarding.begin(), forwarding.end());
  hold_sysctls(ledger, netns, wanted, held);
}

void hold_sysctls(Ledger& ledger, ino_t netns, const std::vector<WantedSysctl>& wanted,
                  std::vector<std::string>& held) {
  ledger.hold_sysctls(netns, wanted);
  for (const WantedSysctl& one : wanted) held.push_back(one.name);
}

std::string set_again(Ledger& ledger, ino_t netns, bool needs_v6, std::vector<std::string>& held) {
  std::string found;
  for (const std::string& name : held) {
    const std::string wanted = name.ends_with("/accept_ra") ? "2" : "1";
    const auto present = read_sysctl(name);
    if (!present || *present == wanted) continue;  // or its interface has gone
    ledger.hold_sysctl(netns, name, wanted);       // once more, so that what somebody wants is put back in the end
    (void)ledger.release_sysctl(netns, name);
    found += (found.empty() ? "" : ", ") + sysctl_name(name);
  }
  if (needs_v6 && read_sysctl(kAllForwardV6) == "0") {
    hold_v6_forwarding(ledger, netns, held);
    found += (found.empty() ? "" : ", ") + sysctl_name(kAllForwardV6);
  }
  return found;
}

std::string release_sysctls(Ledger& ledger, ino_t netns, std::vector<std::string>& held) noexcept {
  std::string failed = ledger.release_sysctls(netns, held);
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
