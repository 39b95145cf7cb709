#include "daemon/ways_in/diversion.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "daemon/program.h"
#include "daemon/ways_in/forwarding.h"
#include "daemon/ways_in/local_rule.h"
#include "daemon/ways_in/loopback_device.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {
namespace {

bool is_ours(const std::string& interface) { return interface.starts_with(kDevicePrefix); }

std::string path_for_others(const NetworkNamespace& netns) { return netns.is_own() ? "" : netns.path(); }

}  // namespace

Diversion::Diversion(Target target, api::WayInSettings settings, const Planner& planner, Ledger& ledger, bool offload)
    : target_(std::move(target)), netns_(target_.netns.inode()), settings_(std::move(settings)), ledger_(ledger) {
  target_.netns.run([&] {
    try {
      take_slot(offload);
      set_up(planner);
    } catch (...) {
      (void)undo();
      throw;
    }
  });
}

Diversion::~Diversion() { (void)close(); }

std::unique_ptr<PacketDevice> Diversion::make_device(const std::string& name, bool offload) const {
  if (std::holds_alternative<api::LoopbackSettings>(settings_)) return std::make_unique<LoopbackDevice>(name);
  return std::make_unique<TunDevice>(name, offload);
}

void Diversion::take_slot(bool offload) {
  for (int number = 0; number < Slot::kCount; ++number) {
    slot_ = Slot{number};
    try {
      near_ = make_device(slot_.near_device(), offload);
      far_ = make_device(slot_.far_device(), offload);
    } catch (const std::system_error& e) {
      near_.reset();
      if (e.code().value() == EBUSY) continue;  // another's
      throw;
    }
    has_slot_ = true;
    clear_slot(slot_);  // of what a daemon left there that nobody remembers
    return;
  }
  throw api::Conflict("there are " + std::to_string(Slot::kCount) + " ways in in that namespace already: no more fit");
}

void Diversion::set_up(const Planner& planner) {
  const NetnsView view = look_around();
  plan_ = planner(view, slot_);
  if (plan_.moves_local && !view.earlier_rules.empty()) {
    throw api::Conflict("the rule '" + view.earlier_rules.front() +
                        "' there would come before the table local, which must make room for ours: give it a priority "
                        "above " +
                        std::to_string(kLastRulePriority));
  }
  bring_devices_up();
  for (const auto& [name, value] : plan_.device_sysctls) require_sysctl(name, value);
  let_detours_pass();
  for (const auto& [name, value] : plan_.sysctls) hold(name, value);
  const bool forwards = std::any_of(plan_.sysctls.begin(), plan_.sysctls.end(),
                                    [](const auto& s) { return s.first.ends_with("/forwarding"); });
  if (plan_.uses[1] && forwards) forward_v6();
  masquerade();
  for (const Family family : kFamilies) {
    if (plan_.uses[index_of(family)]) do_ip(family, plan_.routes[index_of(family)]);
  }
}

void Diversion::masquerade() {
  if (plan_.masqueraded_device.empty()) return;
  nft_table_ = "wobble_gateway" + std::to_string(slot_.number);
  ledger_.note_nft_table(netns_, nft_table_);
  // A packet passes twice. Conntrack must see it only on the far side: what it has seen once it does not translate
  // later.
  const std::string in = plan_.arriving_on.front();
  std::string rules = "table inet " + nft_table_ + " {\n";
  rules += " chain before { type filter hook prerouting priority -300;\n";
  rules += "  iifname \"" + in + "\" fib daddr type != local notrack\n";
  rules += "  iifname \"" + slot_.near_device() + "\" notrack\n }\n";
  rules += " chain out { type nat hook postrouting priority 100;\n";
  rules += "  oifname \"" + plan_.masqueraded_device + "\" fib saddr type != local masquerade\n }\n}\n";
  run_program({"nft", "-f", "-"}, rules);
}

void Diversion::bring_devices_up() {
  std::vector<std::string> lines;
  for (const std::string& device : {slot_.near_device(), slot_.far_device()}) {
    keep_v6_quiet(device);
    if (plan_.uses[1]) require_sysctl("ipv6/conf/" + device + "/disable_ipv6", "0");
    lines.push_back("link set " + device + " multicast off txqueuelen 10000 mtu " + std::to_string(plan_.mtu) + " up");
  }
  do_ip(Family::v4, lines);
}

void Diversion::hold(const std::string& name, const std::string& value) {
  ledger_.hold_sysctl(netns_, name, value);
  held_.push_back(name);
}

// What comes out of our devices did not come by the way back to its source. Of "all" and an interface's own value the
// stricter is in force: "all" is lifted, and every other interface keeps what it amounted to.
void Diversion::let_detours_pass() {
  const std::string prefix = "ipv4/conf/";
  const std::string for_all = read_sysctl(prefix + "all/rp_filter").value_or("0");
  if (for_all != "0") {
    for (const std::string& name : interfaces_in("ipv4/conf")) {
      const std::string own = prefix + name + "/rp_filter";
      if (!is_ours(name) && read_sysctl(own).value_or("0") < for_all) hold(own, for_all);
    }
    hold(prefix + "all/rp_filter", "0");
  }
  for (const std::string& name : plan_.arriving_on) {
    if (read_sysctl(prefix + name + "/rp_filter") == "1") hold(prefix + name + "/rp_filter", "2");
  }
}

void Diversion::forward_v6() { hold_v6_forwarding(ledger_, netns_, held_); }

void Diversion::open() {
  target_.netns.run([&] {
    try {
      for (const Family family : kFamilies) {
        if (!plan_.uses[index_of(family)]) continue;
        if (plan_.moves_local) {
          hold_local_rule(netns_, family);
          holds_local_[index_of(family)] = true;
        }
        do_ip(family, plan_.rules[index_of(family)]);
      }
    } catch (...) {
      (void)undo();
      throw;
    }
  });
}

std::string Diversion::close() noexcept {
  std::string failed;
  if (!has_slot_) return failed;
  try {
    target_.netns.run([&] { failed = undo(); });
  } catch (const std::exception& e) {
    has_slot_ = false;
    failed = e.what();
  }
  return failed;
}

std::string Diversion::undo() noexcept {
  if (!has_slot_) return {};
  has_slot_ = false;
  clear_slot(slot_);
  for (const Family family : kFamilies) {
    if (holds_local_[index_of(family)]) release_local_rule(netns_, family);
  }
  std::string failed = release_sysctls(ledger_, netns_, held_);
  if (!nft_table_.empty()) add_failure(failed, ledger_.drop_nft_table(netns_, nft_table_));
  near_.reset();
  far_.reset();
  return failed;
}

api::SideInfo Diversion::near_info() const {
  return {slot_.near_device(), path_for_others(target_.netns), plan_.near_addresses};
}

api::SideInfo Diversion::far_info() const { return {slot_.far_device(), path_for_others(target_.netns), {}}; }

std::string Diversion::detail() const {
  if (plan_.uses[0] && plan_.uses[1]) return "IPv4 and IPv6";
  return plan_.uses[0] ? "IPv4" : "IPv6";
}

}  // namespace wobble::daemon
