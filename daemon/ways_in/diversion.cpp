#include "daemon/ways_in/diversion.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <map>
#include <system_error>

#include "daemon/system/network_namespace.h"
#include "daemon/ways_in/diverted_path.h"
#include "daemon/ways_in/forwarding.h"
#include "daemon/ways_in/selection.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 1s;
constexpr std::uint32_t kMostNetworks = 1024, kMostDatagrams = 4096;

std::string path_for_others(const NetworkNamespace& netns) { return netns.is_own() ? "" : netns.path(); }

/// Of interfaces of the calling thread's namespace, in their order, without link-local ones.
std::vector<std::string> addresses_of(const std::vector<std::string>& interfaces) {
  std::map<std::string, std::vector<std::string>> of_each;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return {};
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const int family = one->ifa_addr->sa_family;
    const void* address = &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr;
    if (family == AF_INET6) address = &reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
    char text[INET6_ADDRSTRLEN];
    if ((family != AF_INET && family != AF_INET6) || ::inet_ntop(family, address, text, sizeof text) == nullptr)
      continue;
    if (!std::string(text).starts_with("fe80:")) of_each[one->ifa_name].emplace_back(text);
  }
  ::freeifaddrs(all);
  std::vector<std::string> found;
  for (const std::string& name : interfaces) found.insert(found.end(), of_each[name].begin(), of_each[name].end());
  return found;
}

}  // namespace

Diversion::Diversion(const std::string& link, Target target, api::WayInSettings settings, const Means& means)
    : target_(std::move(target)),
      netns_(target_.netns.inode()),
      settings_(std::move(settings)),
      means_(means),
      claim_(means.ledger, netns_),
      detours_(
          netns_, means.ledger, [this](const auto& present) { return choose(present); },
          [this] { return detour_settings(); }) {
  make_selection();
  if (why_all_come_up().empty()) ring_ = std::make_shared<KernelRing>();
  target_.netns.run([&] {
    const auto present = RouteSocket().interfaces();
    if (std::holds_alternative<api::AttachSettings>(settings_)) {
      const auto names = named_interfaces();
      for (std::size_t i = 0; i < names.size(); ++i) {
        require_interface(names[i], present, "/attach/interfaces/" + std::to_string(i));
      }
    } else if (const auto* gateway = std::get_if<api::GatewaySettings>(&settings_)) {
      require_interface(gateway->in, present, "/gateway/in");
      require_interface(gateway->out, present, "/gateway/out");
      require_routes_between(gateway->in, gateway->out, present);
    }
    if (const auto count = choose(present).size(); count > DivertShare::kMostInterfaces) {
      throw api::Unfit("/attach/interfaces",
                       std::to_string(count) + " interfaces lead outside there, and a link serves at most " +
                           std::to_string(DivertShare::kMostInterfaces) + ": name those that are meant (--interface)");
    }
    claim_.note(claim_of(link, settings_));
    detours_.make();
    if (detours_.empty()) throw api::Unfit("/" + std::string(api::kind_of(settings_)), what_is_missing());
    near_ = detours_.take_near();
    far_ = detours_.take_far();
    if (ring_) {
      kernel_path_ = std::make_unique<DivertedPath>(share_, ring_, detours_.near_bundle(), detours_.far_bundle());
    }
    addresses_ = addresses_of(detours_.names());
  });
}

Diversion::~Diversion() { close(); }

bool Diversion::fails_closed() const {
  const auto* attach = std::get_if<api::AttachSettings>(&settings_);
  const auto* gateway = std::get_if<api::GatewaySettings>(&settings_);
  return (attach != nullptr && attach->fail == api::FailMode::closed) ||
         (gateway != nullptr && gateway->fail == api::FailMode::closed);
}

// Where it must not pass while we are dead it is not to stay either, for as long as the programs take us for alive.
std::string Diversion::why_all_come_up() const { return fails_closed() ? "fail closed" : means_.no_kernel_path; }

std::vector<std::string> Diversion::named_interfaces() const {
  if (const auto* attach = std::get_if<api::AttachSettings>(&settings_)) return attach->interfaces;
  if (const auto* gateway = std::get_if<api::GatewaySettings>(&settings_)) return {gateway->in, gateway->out};
  return {"lo"};
}

void Diversion::make_selection() {
  if (const auto* loopback = std::get_if<api::LoopbackSettings>(&settings_)) {
    selection_.protocol = protocol_number(loopback->protocol);
  }
  const auto* attach = std::get_if<api::AttachSettings>(&settings_);
  if (attach == nullptr) return;
  selection_.protocol = protocol_number(attach->protocol);
  selection_.ports = attach->ports;
  if (target_.netns.is_own()) selection_.spared_port = means_.spared_port;
  if (!attach->ports.empty()) {
    recent_ = make_recent_map(kDatagramKey, kMostDatagrams);
    selection_.recent = recent_.get();
  }
  if (attach->addresses.empty()) return;
  networks_ = make_network_map(kMostNetworks);
  for (const std::string& address : attach->addresses) {
    const Network network = read_network(address);
    add_network(networks_.get(), network.is_v4, network.address, network.length);
  }
  selection_.networks = networks_.get();
}

std::vector<NetworkInterface> Diversion::choose(const std::vector<NetworkInterface>& present) {
  const auto* gateway = std::get_if<api::GatewaySettings>(&settings_);
  if (gateway == nullptr) return choose_interfaces(named_interfaces(), present);
  const auto out = choose_interfaces({gateway->out}, present);
  other_interface_ = out.empty() ? 0 : out.front().index;
  return out.empty() ? out : choose_interfaces({gateway->in}, present);
}

std::string Diversion::what_is_missing() const {
  const auto* gateway = std::get_if<api::GatewaySettings>(&settings_);
  for (const std::string& name : named_interfaces()) {
    const bool is_other = gateway != nullptr && name == gateway->out;
    if (is_other ? other_interface_ != 0 : detours_.serves(name)) continue;
    return "the interface '" + name + "' is gone, or down: ip link set " + name + " up";
  }
  const std::string not_served = detours_.not_served();
  return detours_.empty() && not_served.empty() ? "no interface there is up" : not_served;
}

DetourSettings Diversion::detour_settings() const {
  DetourSettings out;
  if (std::holds_alternative<api::GatewaySettings>(settings_)) out.traffic = DetourSettings::Traffic::forwarded;
  if (const auto* loopback = std::get_if<api::LoopbackSettings>(&settings_)) {
    out.traffic = DetourSettings::Traffic::local_port;
    out.port = loopback->port;
  }
  out.other_interface = other_interface_;
  out.selection = selection_;
  out.share = share_->map();
  if (ring_) out.ring = ring_->map();
  out.kind = fails_closed() ? HookKind::cls : means_.hook;  // what blocks when we are dead must outlive us
  out.may_use_filters = means_.may_use_filters;
  out.offload = means_.offload;
  return out;
}

// What our devices give back arrives on `lo` anew: from 127.0.0.1, and from this host itself.
std::vector<std::string> Diversion::wanted_parameters() const {
  if (std::holds_alternative<api::LoopbackSettings>(settings_)) {
    return {"ipv4/conf/lo/accept_local", "ipv4/conf/lo/route_localnet"};
  }
  const auto* gateway = std::get_if<api::GatewaySettings>(&settings_);
  if (gateway == nullptr) return {};
  return {"ipv4/conf/" + gateway->in + "/forwarding", "ipv4/conf/" + gateway->out + "/forwarding"};
}

void Diversion::hold(const std::string& name) {
  means_.ledger.hold_sysctl(netns_, name, "1");
  held_.push_back(name);
}

void Diversion::hold_parameters() {
  for (const std::string& name : wanted_parameters()) hold(name);
  const auto* gateway = std::get_if<api::GatewaySettings>(&settings_);
  if (gateway == nullptr) return;
  const auto has_v6 = [](const std::string& interface) {
    return std::ranges::any_of(addresses_of({interface}),
                               [](const auto& a) { return a.find(':') != std::string::npos; });
  };
  forwards_v6_ = has_v6(gateway->in) && has_v6(gateway->out);
  if (forwards_v6_) hold_v6_forwarding(means_.ledger, netns_, held_);
  if (gateway->masquerade) masquerade();
}

void Diversion::masquerade() {
  const auto& gateway = std::get<api::GatewaySettings>(settings_);
  masquerade_.emplace("wobble_gateway_" + detours_.near_devices(),
                      " chain out { type nat hook postrouting priority 100;\n  iifname \"" + gateway.in +
                          "\" oifname \"" + gateway.out + "\" masquerade\n }\n");
  means_.ledger.note_nft_table(netns_, masquerade_->name());
  watch_.emplace(masquerade_->name());
  masquerade_->make();
}

// What is set up beside the programs, and may be changed by somebody else.
void Diversion::mend_parameters() {
  std::erase_if(held_, [this](const std::string& name) {  // those whose interface has gone
    const bool has_gone = !read_sysctl(name);
    if (has_gone) (void)means_.ledger.release_sysctl(netns_, name);
    return has_gone;
  });
  for (const std::string& name : wanted_parameters()) {  // and come again
    if (std::ranges::find(held_, name) == held_.end() && read_sysctl(name)) hold(name);
  }
  const std::string changed = set_again(means_.ledger, netns_, forwards_v6_, held_);
  if (!changed.empty()) news_.push_back("somebody had changed " + changed + ": set again");
  if (!masquerade_ || (!watch_->news().table && trouble_.empty()) || !masquerade_->mend()) return;
  news_.push_back("its nftables table " + masquerade_->name() + " had been changed or removed: it is made again");
}

void Diversion::open() {
  target_.netns.run([&] {
    is_open_ = true;
    try {
      hold_parameters();
      means_.heartbeat.begin(*share_);
      detours_.put();
      if (fails_closed()) share_->set_in_silence(kDrop);
    } catch (...) {
      let_pass();
      const std::string failure = undo();
      if (!failure.empty()) news_.push_back(failure);
      throw;
    }
  });
}

std::string Diversion::close() noexcept {
  if (!is_open_) return {};
  let_pass();
  std::string failures;
  try {
    target_.netns.run([&] { failures = undo(); });
  } catch (const std::exception& e) {  // the namespace cannot be entered any more
    failures = e.what();
  }
  claim_.drop();
  return failures;
}

// Whatever becomes of the rest, from now on nothing is diverted.
void Diversion::let_pass() noexcept {
  is_open_ = false;
  share_->set_in_silence(kPass);
  means_.heartbeat.end(*share_);
}

std::string Diversion::undo() noexcept {
  std::string failures = detours_.take_away();
  add_failure(failures, release_sysctls(means_.ledger, netns_, held_));
  if (masquerade_) add_failure(failures, means_.ledger.drop_nft_table(netns_, masquerade_->name()));
  masquerade_.reset();
  return failures;
}

std::string Diversion::look() {
  const bool has_news = detours_.has_news();
  const auto now = std::chrono::steady_clock::now();
  if (!has_news && now < next_look_) return trouble_;
  next_look_ = now + kLookEvery;
  try {
    target_.netns.run([&] {
      detours_.look(has_news || !trouble_.empty());
      mend_parameters();
      addresses_ = addresses_of(detours_.names());
    });
    trouble_ = what_is_missing();
  } catch (const std::exception& e) {
    trouble_ = e.what();
  }
  count();
  return trouble_;
}

void Diversion::count() {
  const DivertShare::Counters sum = share_->counters();
  const api::WayInCounters now{sum.diverted, sum.stayed, sum.passed, sum.silenced, detours_.overruns()};
  const auto tell = [&](std::uint64_t n, const char* what) {
    if (n > 0) news_.push_back(std::to_string(n) + (n == 1 ? " packet " : " packets ") + what);
  };
  tell(now.silenced - counters_.silenced,
       fails_closed() ? "dropped while the daemon did not run" : "passed by the link while the daemon did not run");
  tell(now.overruns - counters_.overruns, "dropped by the kernel: the link did not read in time");
  counters_ = now;
}

std::vector<std::string> Diversion::take_news() {
  std::vector<std::string> all = detours_.take_news();
  all.insert(all.end(), news_.begin(), news_.end());
  news_.clear();
  return all;
}

api::SideInfo Diversion::near_info() const {
  return {detours_.near_devices(), path_for_others(target_.netns), addresses_};
}

api::SideInfo Diversion::far_info() const { return {detours_.far_devices(), path_for_others(target_.netns), {}}; }

std::string Diversion::detail() const {
  const std::string no_record = means_.ledger.trouble();
  const std::string path = why_all_come_up();
  return "at " + detours_.interfaces() + ", by " + detours_.means() +
         (path.empty() ? "" : "; all packets come to the daemon (" + path + ")") + (no_record.empty() ? "" : "; ") +
         no_record;
}

}  // namespace wobble::daemon
