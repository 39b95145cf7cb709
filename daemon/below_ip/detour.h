// One interface's traffic, led through two devices of ours (divert_program.h): the devices, and the programs at its
// hooks and theirs.
//
//            at the interface        comes to     leaves by    goes back to
//   own      egress                  near         far          egress
//            ingress                 far          near         ingress
//   forwarded  ingress               near         far          ingress      (for the way to the other interface)
//            egress                  far          near         egress
//   local port  egress, to the port  near         far          ingress
//            egress, from the port   far          near         ingress
//
// All functions that may throw throw std::system_error and are for a thread in the interface's network namespace.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/below_ip/divert_program.h"
#include "daemon/below_ip/hook_program.h"
#include "daemon/below_ip/route_socket.h"
#include "emulator/device/tun_device.h"

namespace wobble::daemon {

/// What is diverted, and how.
struct DetourSettings {
  enum class Traffic : std::uint8_t { own, forwarded, local_port };

  Traffic traffic = Traffic::own;
  int other_interface = 0;  ///< of forwarded traffic
  std::uint16_t port = 0;   ///< of local_port
  Selection selection;
  int share = -1;  ///< the map that holds a DivertShare
  int ring = -1;   ///< a KernelRing's; -1: nothing stays in the kernel
  HookKind kind = HookKind::tcx;
  bool may_use_filters = false;  ///< instead of tcx links, where the kernel takes no more of them
  bool offload = true;
};

class Detour {
 public:
  /// Makes the devices, and sets them up; nothing is diverted yet. `number` is its place among the way in's counters,
  /// and its devices' in their bundles.
  Detour(NetworkInterface interface, std::uint8_t number, const DetourSettings& settings, RouteSocket& routes);

  /// Each is handed over once.
  std::unique_ptr<PacketDevice> take_near() { return std::move(near_.device); }
  std::unique_ptr<PacketDevice> take_far() { return std::move(far_.device); }

  /// Puts what is missing in its place: programs, and devices that somebody has set down.
  void put(RouteSocket& routes);
  /// What put() puts at the interface from now on are filters. To be put again.
  void use_filters();
  HookKind kind() const { return kind_; }
  /// From now on nothing is diverted. What is on its way still finds back to the interface, until the devices go.
  void take_away();
  enum class Condition : std::uint8_t {
    stands,
    disturbed,   ///< put() mends it
    lost_device  ///< it is to be made anew
  };
  /// Looks whether everything stands that put() has put.
  Condition look(RouteSocket& routes);

  /// What will stay of it if we are killed.
  std::vector<TcFilter> filters() const;

  const NetworkInterface& interface() const { return interface_; }
  void rename(const std::string& name) { interface_.name = name; }
  std::uint8_t number() const { return number_; }
  const std::string& near_name() const { return near_.name; }
  const std::string& far_name() const { return far_.name; }
  /// Packets that the kernel has dropped since we did not read them in time, as of the last look().
  std::uint64_t overruns() const { return overruns_; }

 private:
  struct Device {
    std::string name;
    int index = 0;
    std::unique_ptr<PacketDevice> device;
  };
  bool is_ethernet() const;
  void make_devices(const DetourSettings& settings);
  void add_divert(const DetourSettings& settings, Hook hook, int into, RouteSocket& routes);
  void add_give_back(const Device& from, Hook hook, std::uint32_t mark, RouteSocket& routes);

  NetworkInterface interface_;
  std::uint8_t number_;
  int device_number_ = 0;
  HookKind kind_;
  Device near_;
  Device far_;
  std::uint64_t overruns_ = 0;
  std::vector<HookProgram> on_devices_;
  std::vector<HookProgram> on_interface_;
};

/// Whether frames of such an interface have an Ethernet header; none if we do not know how they look. `type` is
/// ARPHRD_...
std::optional<bool> has_ethernet_header(std::uint16_t type);

}  // namespace wobble::daemon
