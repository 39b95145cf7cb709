#include "daemon/below_ip/detour.h"

#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "daemon/system/marks.h"

namespace wobble::daemon {
namespace {

constexpr int kMostDevices = 10'000;
constexpr std::uint32_t kTapMtu = 65'521, kTunMtu = 65'535;  // the most that the kernel takes
constexpr std::uint32_t kQueueLength = 10'000;
constexpr std::uint16_t kRawIp = 519, kIp6Gre = 823;  // ARPHRD_RAWIP, ARPHRD_IP6GRE: not in every libc

}  // namespace

std::optional<bool> has_ethernet_header(std::uint16_t type) {
  switch (type) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK: return true;
    case ARPHRD_NONE:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case kIp6Gre:
    case kRawIp: return false;
    default: return std::nullopt;
  }
}

Detour::Detour(NetworkInterface interface, std::uint8_t number, const DetourSettings& settings, RouteSocket& routes)
    : interface_(std::move(interface)), number_(number), kind_(settings.kind) {
  using Traffic = DetourSettings::Traffic;
  make_devices(settings);
  for (Device* device : {&near_, &far_}) device->index = static_cast<int>(::if_nametoindex(device->name.c_str()));
  const std::uint32_t mark = kReturningMark + static_cast<std::uint32_t>(device_number_) + 1;
  switch (settings.traffic) {
    case Traffic::own:
      add_divert(settings, Hook::egress, near_.index, routes);
      add_divert(settings, Hook::ingress, far_.index, routes);
      add_give_back(far_, Hook::egress, mark, routes);
      add_give_back(near_, Hook::ingress, mark, routes);
      break;
    case Traffic::forwarded:
      add_divert(settings, Hook::ingress, near_.index, routes);
      add_divert(settings, Hook::egress, far_.index, routes);
      add_give_back(far_, Hook::ingress, mark, routes);
      add_give_back(near_, Hook::egress, mark, routes);
      break;
    case Traffic::local_port:
      add_divert(settings, Hook::egress, 0, routes);
      add_give_back(far_, Hook::ingress, 0, routes);
      add_give_back(near_, Hook::ingress, 0, routes);
      break;
  }
}

// The kernel makes a number one detour's: a second device of the same name cannot be made.
void Detour::make_devices(const DetourSettings& settings) {
  const auto layer = is_ethernet() ? TunDevice::Layer::ethernet : TunDevice::Layer::ip;
  for (device_number_ = 0; device_number_ < kMostDevices; ++device_number_) {
    const std::string name = std::string(kDevicePrefix) + std::to_string(device_number_);
    if (::if_nametoindex((name + "n").c_str()) != 0) continue;
    try {
      near_ = {name + "n", 0, std::make_unique<TunDevice>(name + "n", settings.offload, layer)};
      far_ = {name + "f", 0, std::make_unique<TunDevice>(name + "f", settings.offload, layer)};
      return;
    } catch (const std::system_error& e) {
      near_.device.reset();
      if (e.code().value() != EBUSY && e.code().value() != EINVAL) throw;  // another's, made meanwhile
    }
  }
  throw std::system_error(ENFILE, std::generic_category(), "there are too many devices of ours in that namespace");
}

void Detour::add_divert(const DetourSettings& settings, Hook hook, int into, RouteSocket& routes) {
  DivertProgram program;
  program.hook = hook;
  program.selection = settings.selection;
  program.mark = kReturningMark + static_cast<std::uint32_t>(device_number_) + 1;
  program.share = settings.share;
  program.ring = settings.ring;
  program.link_header = is_ethernet() ? ETH_HLEN : 0;
  program.interface_number = number_;
  switch (settings.traffic) {
    case DetourSettings::Traffic::own: program.traffic = OwnTraffic{into, interface_.type == ARPHRD_ETHER}; break;
    case DetourSettings::Traffic::forwarded: program.traffic = ForwardedTraffic{into, settings.other_interface}; break;
    case DetourSettings::Traffic::local_port:
      program.traffic = LocalPortTraffic{settings.port, near_.index, far_.index};
      break;
  }
  const std::string name = "wob" + std::to_string(device_number_) + "_" + std::to_string(::getpid());
  on_interface_.emplace_back(divert(program), name, kind_, interface_.index, hook, routes);
}

void Detour::add_give_back(const Device& from, Hook hook, std::uint32_t mark, RouteSocket& routes) {
  // Ours go with us whichever kind their programs are, and the kernel takes 10 ms and more to let go of a tcx link.
  on_devices_.emplace_back(give_back(interface_.index, hook, mark), "wobble_back", HookKind::cls, from.index,
                           Hook::ingress, routes);
}

bool Detour::is_ethernet() const { return has_ethernet_header(interface_.type).value_or(true); }

void Detour::put(RouteSocket& routes) {
  for (const Device* device : {&near_, &far_}) {
    routes.bring_up(device->index, is_ethernet() ? kTapMtu : kTunMtu, kQueueLength);
  }
  for (std::vector<HookProgram>* programs : {&on_devices_, &on_interface_}) {  // the way back stands before the way in
    for (HookProgram& program : *programs) program.put(routes);
  }
}

void Detour::use_filters() {
  kind_ = HookKind::cls;
  for (HookProgram& program : on_interface_) program.become_filter();
}

void Detour::take_away() {
  for (HookProgram& program : on_interface_) program.take_away();
}

Detour::Condition Detour::look(RouteSocket& routes) {
  bool stands = true;
  std::uint64_t dropped = 0;
  for (const Device* device : {&near_, &far_}) {
    const auto found = routes.interface(device->index);
    if (!found) return Condition::lost_device;
    stands = stands && found->is_up;
    dropped += found->dropped;
  }
  overruns_ = dropped;
  const auto is_there = [&](const HookProgram& program) { return program.is_there(routes); };
  stands = stands && std::ranges::all_of(on_devices_, is_there) && std::ranges::all_of(on_interface_, is_there);
  return stands ? Condition::stands : Condition::disturbed;
}

std::vector<TcFilter> Detour::filters() const {
  std::vector<TcFilter> filters;
  if (kind_ != HookKind::cls) return filters;
  for (const HookProgram& program : on_interface_) filters.push_back(program.filter());
  return filters;
}

}  // namespace wobble::daemon
