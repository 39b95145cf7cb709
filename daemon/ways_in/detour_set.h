// The detours of one way in, one for each interface that is meant: made, put in their places, looked after while
// interfaces come and go, and taken away. Their devices are bundled, so that one link serves all of them.
//
// All functions are for one thread at a time, and those that may throw for one that is inside the network namespace.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/below_ip/detour.h"
#include "daemon/below_ip/share_map.h"
#include "daemon/ways_in/ledger.h"
#include "emulator/device/device_bundle.h"

namespace wobble::daemon {

class DetourSet {
 public:
  /// Which of the interfaces are meant.
  using Choose = std::function<std::vector<NetworkInterface>(const std::vector<NetworkInterface>&)>;
  /// What each detour is like; asked for each anew.
  using Settings = std::function<DetourSettings()>;
  /// Runs something between two packets of the link that has the bundles.
  using RunOnLink = std::function<void(const std::function<void()>&)>;

  DetourSet(ino_t netns, Ledger& ledger, Choose choose, Settings settings);

  /// Makes a detour for each interface that is meant now; nothing is diverted yet. Throws std::system_error.
  void make();
  /// Each is handed over once; afterwards they are the link's.
  std::unique_ptr<PacketDevice> take_near() { return std::move(near_owned_); }
  std::unique_ptr<PacketDevice> take_far() { return std::move(far_owned_); }
  /// Until the link ends.
  const DeviceBundle& near_bundle() const { return *near_; }
  const DeviceBundle& far_bundle() const { return *far_; }
  void run_on_link_by(const RunOnLink& run) { run_on_link_ = run; }

  /// From now on traffic is diverted. Throws std::runtime_error.
  void put();
  /// From now on none is. Empty, or what could not be undone.
  std::string take_away() noexcept;

  /// Whether look() would have anything to do but look again.
  bool has_news() { return watch_->has_news(); }
  /// Follows interfaces that came or went, if `follow`, and puts what was disturbed back in its place. Throws
  /// std::system_error if it cannot.
  void look(bool follow);
  /// What has happened since the last question, one line each.
  std::vector<std::string> take_news() { return std::move(news_); }

  bool empty() const { return detours_.empty(); }
  bool serves(const std::string& interface) const;
  std::vector<std::string> names() const;
  /// Interfaces that are meant and could not be followed, with the reason; empty: none.
  std::string not_served() const;
  /// How programs are put at the interfaces: "tcx", "cls_bpf", "tcx and cls_bpf".
  std::string means() const;
  /// "eth0, eth1"
  std::string interfaces() const;
  std::string near_devices() const;
  std::string far_devices() const;
  /// Packets that the kernel dropped since the link did not read them in time.
  std::uint64_t overruns() const;
  RouteSocket& routes() { return *routes_; }

 private:
  void follow();
  void add(const NetworkInterface& interface);
  void remove(std::uint8_t number);
  bool try_to_add(const NetworkInterface& interface);
  void put(Detour& detour);
  void divert(Detour& detour);
  void mend(std::uint8_t number);
  void on_link(const std::function<void()>& work) const;

  const ino_t netns_;
  Ledger& ledger_;
  const Choose choose_;
  const Settings settings_;
  RunOnLink run_on_link_;  ///< none: there is no link yet
  std::unique_ptr<RouteSocket> routes_;
  std::unique_ptr<InterfaceWatch> watch_;
  std::unique_ptr<DeviceBundle> near_owned_;
  std::unique_ptr<DeviceBundle> far_owned_;
  DeviceBundle* const near_;
  DeviceBundle* const far_;
  std::map<std::uint8_t, Detour> detours_;
  bool is_put_ = false;
  std::uint64_t overruns_of_gone_ = 0;
  std::vector<std::string> news_;
  std::vector<std::pair<std::string, std::string>> not_served_;  ///< names, and why
};

}  // namespace wobble::daemon
