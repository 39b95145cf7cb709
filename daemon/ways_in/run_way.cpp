#include "daemon/ways_in/run_way.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "daemon/program.h"
#include "daemon/ways_in/diversion.h"
#include "daemon/ways_in/forwarding.h"
#include "daemon/ways_in/sysctl.h"
#include "daemon/ways_in/target.h"

namespace wobble::daemon {
namespace {

bool is_on_loopback(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

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
    take_number(offload);
    inside_.run([&] { near_ = std::make_unique<TunDevice>("near", offload); });
    mtu_ = mtu_outside(view);
    has_v6_ = std::any_of(view.routes[1].begin(), view.routes[1].end(), leads_outside);
    find_name_servers();
    set_up_outside(view);
    set_up_inside();
  } catch (...) {
    (void)close();
    throw;
  }
}

RunWay::~RunWay() { (void)close(); }

std::string RunWay::device() const { return std::string(kDevicePrefix) + "run" + std::to_string(number_); }
std::string RunWay::v4(int host) const { return "198.19." + std::to_string(number_) + "." + std::to_string(host); }
std::string RunWay::v6(int host) const {
  std::ostringstream out;
  out << "fdc7:6f62:" << std::hex << number_ + 1 << "::" << host;  // 0 would be written in another way
  return out.str();
}

void RunWay::take_number(bool offload) {
  for (int number = 0; number < kMost; ++number) {
    number_ = number;
    try {
      far_ = std::make_unique<TunDevice>(device(), offload);
      return;
    } catch (const std::system_error& e) {
      if (e.code().value() != EBUSY) throw;
    }
  }
  number_ = -1;
  throw api::Conflict("there are " + std::to_string(kMost) + " of this kind already: no more fit");
}

void RunWay::find_name_servers() {
  if (!settings_.dns.empty()) return;
  bool names_any = false;
  for (const char* file : {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}) {
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
  if (!settings_.dns.empty()) return local_name_server_.clear();
  if (!names_any) local_name_server_ = "127.0.0.1";  // resolv.conf(5): whom a resolver asks if the file names nobody
  settings_.dns.push_back(v4(1));
}

void RunWay::set_up_outside(const NetnsView& view) {
  const auto hold = [&](const std::string& name) {
    ledger_.hold_sysctl(outside_, name, "1");
    held_.push_back(name);
  };
  const std::string table = "wobble_run" + std::to_string(number_);
  ledger_.note_nft_table(outside_, table);
  for (const Interface& interface : view.interfaces) {
    if (!interface.is_loopback && !interface.name.starts_with(kDevicePrefix))
      hold("ipv4/conf/" + interface.name + "/forwarding");
  }
  if (has_v6_) hold_v6_forwarding(ledger_, outside_, held_);

  keep_v6_quiet(device());
  if (has_v6_) require_sysctl("ipv6/conf/" + device() + "/disable_ipv6", "0");
  require_sysctl("ipv4/conf/" + device() + "/forwarding", "1");
  std::vector<std::string> lines{
      "link set " + device() + " multicast off txqueuelen 10000 mtu " + std::to_string(mtu_) + " up",
      "address add " + v4(1) + "/30 dev " + device()};
  do_ip(Family::v4, lines);
  if (has_v6_) do_ip(Family::v6, {"address add " + v6(1) + "/64 dev " + device() + " nodad"});

  std::string nat = "table inet " + table + " {\n chain out { type nat hook postrouting priority 100;\n";
  nat += "  ip saddr " + v4(2) + " oifname != \"" + device() + "\" masquerade\n";
  if (has_v6_) nat += "  ip6 saddr " + v6(2) + " oifname != \"" + device() + "\" masquerade\n";
  nat += " }\n";
  if (!local_name_server_.empty()) {
    name_relay_ = std::make_unique<NameRelay>(NameRelay::Place{v4(1), v4(2), device()}, local_name_server_);
    const auto to_relay = [&](const std::string& protocol, std::uint16_t port) {
      return "  ip saddr " + v4(2) + " ip daddr " + v4(1) + " " + protocol +
             " dport 53 redirect to :" + std::to_string(port) + "\n";
    };
    nat += " chain names { type nat hook prerouting priority -100;\n";
    nat += to_relay("udp", name_relay_->udp_port()) + to_relay("tcp", name_relay_->tcp_port()) + " }\n";
  }
  run_program({"nft", "-f", "-"}, nat + "}\n");
}

void RunWay::set_up_inside() {
  inside_.run([&] {
    std::vector<std::string> lines{"link set lo up", "link set near addrgenmode none",
                                   "link set near multicast off txqueuelen 10000 mtu " + std::to_string(mtu_) + " up",
                                   "address add " + v4(2) + "/30 dev near"};
    do_ip(Family::v4, lines);
    if (has_v6_) do_ip(Family::v6, {"address add " + v6(2) + "/64 dev near nodad"});
  });
}

void RunWay::open() {
  inside_.run([&] {
    do_ip(Family::v4, {"route add default dev near"});
    if (has_v6_) do_ip(Family::v6, {"route add default dev near"});
  });
}

std::string RunWay::close() noexcept {
  if (number_ < 0) return {};
  const std::string table = "wobble_run" + std::to_string(number_);
  std::string failed = ledger_.drop_nft_table(outside_, table);
  try_ip(Family::v4, {"link set " + device() + " down"});  // its addresses and routes go now, whoever holds the device
  add_failure(failed, release_sysctls(ledger_, outside_, held_));
  name_relay_.reset();
  near_.reset();
  far_.reset();
  number_ = -1;
  return failed;
}

std::string RunWay::gone() const {
  if (!owner_gone_) return "";
  const std::string why = owner_gone_();
  return why.empty() || has_processes(inside_.inode()) ? "" : why;
}

api::SideInfo RunWay::near_info() const {
  api::SideInfo side{"near", inside_.path(), {v4(2)}};
  if (has_v6_) side.addresses.push_back(v6(2));
  return side;
}

api::SideInfo RunWay::far_info() const {
  api::SideInfo side{device(), "", {v4(1)}};
  if (has_v6_) side.addresses.push_back(v6(1));
  return side;
}

std::string RunWay::detail() const {
  return has_v6_ ? "IPv4 and IPv6, behind this machine's addresses" : "IPv4, behind this machine's addresses";
}

}  // namespace wobble::daemon
