#include "daemon/ways_in/run_way.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include "daemon/system/program.h"
#include "daemon/ways_in/forwarding.h"
#include "daemon/ways_in/run_probe.h"
#include "daemon/ways_in/sysctl.h"
#include "daemon/ways_in/target.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kRunLookEvery = 1s;  ///< at what the kernel does not tell of by itself
constexpr char kResolvConf[] = "/etc/resolv.conf";

bool is_on_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }
bool is_v4(const std::string& address) { return address.find(':') == std::string::npos; }
bool is_ours(const std::string& interface) { return interface.starts_with(kDevicePrefix); }

bool leads_outside(const Route& route) { return !route.device.empty() && !route.destination.starts_with("fe80"); }

int mtu_outside(const NetnsView& view) {
  for (const Family family : kFamilies) {
    for (const Route& route : view.routes[index_of(family)]) {
      const Interface* interface = route.destination == "default" ? view.find(route.device) : nullptr;
      if (interface != nullptr) return std::clamp(interface->mtu, 1280, 65'535);
    }
  }
  return 1500;
}

/// Within a run's namespace its own addresses are this machine's.
bool has_address_of(const NetnsView& view, const RunNames& names) {
  const std::string ours[] = {names.v4(RunHost::outside), names.v4(RunHost::inside)};
  return std::any_of(view.interfaces.begin(), view.interfaces.end(), [&](const Interface& interface) {
    const auto& addresses = interface.addresses[index_of(Family::v4)];
    return std::any_of(addresses.begin(), addresses.end(),
                       [&](const OwnAddress& address) { return address.text == ours[0] || address.text == ours[1]; });
  });
}

bool has_v6_loopback() { return read_sysctl("ipv6/conf/lo/disable_ipv6") == "0"; }

/// False also if there is no such interface.
bool is_up(const std::string& interface) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  return ::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

}  // namespace

std::vector<std::string> read_name_servers(const std::string& file) {
  std::vector<std::string> servers;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    std::string address;
    if (words >> word >> address && word == "nameserver") servers.push_back(address);
  }
  return servers;
}

RunWay::RunWay(api::RunSettings settings, Ledger& ledger, bool offload)
    : settings_(std::move(settings)), ledger_(ledger), outside_(NetworkNamespace::own().inode()) {
  if (settings_.owner) {
    const std::string owner = "process " + std::to_string(*settings_.owner);
    owner_gone_ = process_watch(*settings_.owner, owner);
    if (!owner_gone_)
      throw api::Unfit("/run/owner",
                       "there is no " + owner + " here; is the daemon in another pid namespace (a container)?");
  }
  const NetnsView view = look_around();
  try {
    take_number(view, offload);
    inside_.run([&] { near_ = std::make_unique<TunDevice>("near", offload); });
    mtu_ = mtu_outside(view);
    rules_.has_v6 = std::any_of(view.routes[1].begin(), view.routes[1].end(), leads_outside);
    rules_.with = settings_.with;
    rules_.with_v6 = !settings_.with.empty() && has_v6_loopback();
    find_name_servers();
    watch_.emplace(rules_.names.table());
    set_up_outside(view);
    set_up_inside();
    prove(offload);
  } catch (...) {
    (void)close();
    throw;
  }
}

RunWay::~RunWay() { (void)close(); }

void RunWay::take_number(const NetnsView& view, bool offload) {
  for (int number = 0; number < kMost; ++number) {
    rules_.names.number = number;
    if (has_address_of(view, rules_.names)) continue;
    try {
      far_ = std::make_unique<TunDevice>(rules_.names.device(), offload);
      return;
    } catch (const std::system_error& e) {
      if (e.code().value() != EBUSY) throw;
    }
  }
  rules_.names.number = -1;
  throw api::Conflict("there are " + std::to_string(kMost) + " of this kind already: no more fit");
}

void RunWay::find_name_servers() {
  if (settings_.dns.empty()) {
    bool names_any = false;
    for (const char* file : {kResolvConf, "/run/systemd/resolve/resolv.conf"}) {
      for (const std::string& server : read_name_servers(file)) {
        names_any = true;
        if (!is_on_loopback(server)) {
          settings_.dns.push_back(server);
        } else if (local_name_server_.empty()) {
          local_name_server_ = server;
        }
      }
      if (!settings_.dns.empty()) break;
    }
    if (!settings_.dns.empty()) {
      local_name_server_.clear();
    } else {
      if (!names_any) local_name_server_ = "127.0.0.1";  // resolv.conf(5): who is asked if the file names nobody
      settings_.dns.push_back(rules_.names.v4(RunHost::outside));
    }
  }
  if (::access(kResolvConf, F_OK) == 0) return;
  const auto server = std::find_if(settings_.dns.begin(), settings_.dns.end(), is_v4);
  if (server != settings_.dns.end()) rules_.name_server = *server;  // where no file can name it
}

void RunWay::hold_forwarding(const std::vector<std::string>& interfaces) {
  std::vector<WantedSysctl> wanted;
  for (const std::string& interface : interfaces) {
    const std::string name = "ipv4/conf/" + interface + "/forwarding";
    const bool is_held = std::find(held_.begin(), held_.end(), name) != held_.end();
    if (!is_held && interface != "lo" && !is_ours(interface)) wanted.push_back({name, "1"});
  }
  if (!wanted.empty()) hold_sysctls(ledger_, outside_, wanted, held_);
}

std::vector<std::string> RunWay::device_lines(Family family) const {
  const RunNames& names = rules_.names;
  if (family == Family::v6) {
    std::vector<std::string> lines{"address replace " + names.v6(RunHost::outside) + "/64 dev " + names.device() +
                                   " nodad"};
    for (const std::string& route : rules_.v6_loopback_routes(names.device())) lines.push_back(route);
    return lines;
  }
  return {"link set " + names.device() + " multicast off txqueuelen 10000 mtu " + std::to_string(mtu_) + " up",
          "address replace " + names.v4(RunHost::outside) + "/30 dev " + names.device()};
}

void RunWay::set_up_outside(const NetnsView& view) {
  const RunNames& names = rules_.names;
  ledger_.note_nft_table(outside_, names.table());
  std::vector<std::string> interfaces;
  for (const Interface& interface : view.interfaces) interfaces.push_back(interface.name);
  hold_forwarding(interfaces);
  if (rules_.has_v6) hold_v6_forwarding(ledger_, outside_, held_);

  keep_v6_quiet(names.device());
  if (bears_v6()) require_sysctl("ipv6/conf/" + names.device() + "/disable_ipv6", "0");
  require_sysctl("ipv4/conf/" + names.device() + "/forwarding", "1");
  if (!rules_.with.empty()) require_sysctl("ipv4/conf/" + names.device() + "/route_localnet", "1");
  do_ip(Family::v4, device_lines(Family::v4));
  if (bears_v6()) do_ip(Family::v6, device_lines(Family::v6));
  if (!local_name_server_.empty()) {
    name_relay_ = std::make_unique<NameRelay>(
        NameRelay::Place{names.v4(RunHost::outside), names.v4(RunHost::inside), names.device()}, local_name_server_);
    rules_.name_relay = {name_relay_->udp_port(), name_relay_->tcp_port()};
  }
  table_.emplace(names.table(), rules_.outside());
  table_->make();
}

void RunWay::set_up_inside() {
  const RunNames& names = rules_.names;
  inside_.run([&] {
    do_ip(Family::v4, {"link set lo up", "link set near addrgenmode none",
                       "link set near multicast off txqueuelen 10000 mtu " + std::to_string(mtu_) + " up",
                       "address add " + names.v4(RunHost::inside) + "/30 dev near"});
    if (bears_v6()) do_ip(Family::v6, {"address add " + names.v6(RunHost::inside) + "/64 dev near nodad"});
    const std::string translation = rules_.inside();
    if (translation.empty()) return;
    require_sysctl("ipv4/conf/near/route_localnet", "1");
    if (rules_.with_v6) do_ip(Family::v6, rules_.v6_loopback_routes("near"));
    run_program({"nft", "-f", "-"}, translation);
  });
  if (!settings_.beside.empty()) localhost_ = std::make_unique<LocalhostRelay>(inside_, settings_.beside);
}

void RunWay::prove(bool offload) const {
  const Wire far(*far_, offload);
  prove_way_out(far, rules_.names, rules_.has_v6);
  if (name_relay_) prove_way_in(far, rules_.names, Family::v4, 53, "the command's questions for names");
  for (const std::uint16_t port : rules_.with) {
    const std::string what = "what the command sends to localhost:" + std::to_string(port);
    prove_way_in(far, rules_.names, Family::v4, port, what);
    if (rules_.with_v6) prove_way_in(far, rules_.names, Family::v6, port, what);
  }
}

void RunWay::open() {
  inside_.run([&] {
    do_ip(Family::v4, {"route add default dev near"});
    if (rules_.has_v6) do_ip(Family::v6, {"route add default dev near"});
  });
}

std::string RunWay::close() noexcept {
  if (rules_.names.number < 0) return {};
  std::string failed = ledger_.drop_nft_table(outside_, rules_.names.table());
  // Its addresses and routes go now, whoever holds the device.
  try_ip(Family::v4, {"link set " + rules_.names.device() + " down"});
  add_failure(failed, release_sysctls(ledger_, outside_, held_));
  watch_.reset();
  localhost_.reset();
  name_relay_.reset();
  near_.reset();
  far_.reset();
  rules_.names.number = -1;
  return failed;
}

std::string RunWay::look() {
  if (!watch_) return {};
  const ChangeWatch::News news = watch_->news();
  news_.interfaces |= news.interfaces;
  news_.table |= news.table;
  const auto now = Clock::now();
  if (now - looked_at_ < kRunLookEvery && !news_.interfaces && !news_.table && trouble_.empty()) return {};
  looked_at_ = now;
  try {
    mend_device();
    mend_forwarding();
    if (news_.table || !trouble_.empty()) mend_rules();
    news_ = {};
    trouble_.clear();
  } catch (const std::exception& e) {  // it is tried again
    trouble_ = e.what();
  }
  return trouble_;
}

void RunWay::mend_device() {
  if (is_up(rules_.names.device())) return;
  do_ip(Family::v4, device_lines(Family::v4));
  if (bears_v6()) do_ip(Family::v6, device_lines(Family::v6));
  mended_.push_back("its device " + rules_.names.device() + " had been set down: it is up again");
}

void RunWay::mend_forwarding() {
  std::erase_if(held_, [this](const std::string& name) {  // those whose interface has gone
    const bool has_gone = !read_sysctl(name);
    if (has_gone) (void)ledger_.release_sysctl(outside_, name);
    return has_gone;
  });
  hold_forwarding(interfaces_in("ipv4/conf"));  // and those that have come
  const std::string own = "ipv4/conf/" + rules_.names.device() + "/forwarding";
  if (read_sysctl(own) == "0") write_sysctl(own, "1");  // as ip_forward writes it along
  const std::string changed = set_again(ledger_, outside_, rules_.has_v6, held_);
  if (!changed.empty()) mended_.push_back("somebody had changed " + changed + ": set again");
}

void RunWay::mend_rules() {
  if (!table_->mend()) return;
  mended_.push_back("its nftables table " + table_->name() + " had been changed or removed: it is made again");
}

std::string RunWay::gone() const {
  if (!owner_gone_) return "";
  const std::string why = owner_gone_();
  return why.empty() || has_processes(inside_.inode()) ? "" : why;
}

api::SideInfo RunWay::near_info() const {
  api::SideInfo side{"near", inside_.path(), {rules_.names.v4(RunHost::inside)}};
  if (bears_v6()) side.addresses.push_back(rules_.names.v6(RunHost::inside));
  return side;
}

api::SideInfo RunWay::far_info() const {
  api::SideInfo side{rules_.names.device(), "", {rules_.names.v4(RunHost::outside)}};
  if (bears_v6()) side.addresses.push_back(rules_.names.v6(RunHost::outside));
  return side;
}

std::string RunWay::detail() const {
  const std::string detail = rules_.has_v6 ? "IPv4 and IPv6" : "IPv4";
  const std::string off_record = ledger_.trouble().empty() ? "" : "; not on record: " + ledger_.trouble();
  return detail + ", behind this machine's addresses" + off_record;
}

}  // namespace wobble::daemon
