// A way in that leads the traffic of a namespace's interfaces through our devices, below IP (divert_program.h): attach,
// loopback, gateway. For each interface there is a detour (detour_set.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/below_ip/kernel_ring.h"
#include "daemon/below_ip/share_map.h"
#include "daemon/ways_in/change_watch.h"
#include "daemon/ways_in/detour_set.h"
#include "daemon/ways_in/heartbeat.h"
#include "daemon/ways_in/kept_table.h"
#include "daemon/ways_in/ledger.h"
#include "daemon/ways_in/target.h"
#include "daemon/ways_in/way_in.h"

namespace wobble::daemon {

/// Holds a claim for as long as it lives.
class HeldClaim {
 public:
  HeldClaim(Ledger& ledger, ino_t netns) : ledger_(ledger), netns_(netns) {}
  ~HeldClaim() { drop(); }
  HeldClaim(const HeldClaim&) = delete;
  HeldClaim& operator=(const HeldClaim&) = delete;

  /// In the namespace; throws as Ledger::note_claim().
  void note(const Claim& claim) {
    ledger_.note_claim(netns_, claim);
    link_ = claim.link;
  }
  void drop() noexcept {
    if (!link_.empty()) ledger_.drop_claim(netns_, link_);
    link_.clear();
  }

 private:
  Ledger& ledger_;
  const ino_t netns_;
  std::string link_;  ///< empty: nothing is held
};

class Diversion : public WayIn {
 public:
  /// What all of them share.
  struct Means {
    Ledger& ledger;
    Heartbeat& heartbeat;
    HookKind hook = HookKind::tcx;
    bool may_use_filters = false;  ///< where the kernel takes no more tcx links
    bool offload = true;
    std::string no_kernel_path{};   ///< why nothing can stay in the kernel; empty: it can
    std::uint16_t spared_port = 0;  ///< of the API, which an attach of our own namespace leaves alone; 0: none
  };

  /// Makes the devices; nothing is diverted yet. `link` is the name of the link. Throws api::Unfit, api::Conflict,
  /// api::Incapable, std::system_error, and leaves nothing.
  Diversion(const std::string& link, Target target, api::WayInSettings settings, const Means& means);
  ~Diversion() override;

  api::SideInfo near_info() const override;
  api::SideInfo far_info() const override;
  api::WayInSettings settings() const override { return settings_; }
  std::string detail() const override;
  void serve_by(const RunOnLink& run) override { detours_.run_on_link_by(run); }
  void open() override;
  std::string close() noexcept override;
  std::string gone() const override { return target_.gone(); }
  std::string look() override;
  std::vector<std::string> take_news() override;
  std::optional<api::WayInCounters> counters() const override { return counters_; }

 private:
  bool fails_closed() const;
  /// Why nothing stays in the kernel; empty: what nothing is to happen to does.
  std::string why_all_come_up() const;
  /// Of the settings; none: all that lead outside.
  std::vector<std::string> named_interfaces() const;
  void make_selection();
  std::vector<NetworkInterface> choose(const std::vector<NetworkInterface>& present);
  DetourSettings detour_settings() const;
  /// Names of sysctls that are to be 1.
  std::vector<std::string> wanted_parameters() const;
  void hold_parameters();
  void hold(const std::string& sysctl);
  void masquerade();
  void mend_parameters();
  void let_pass() noexcept;
  std::string undo() noexcept;
  std::string what_is_missing() const;
  void count();

  Target target_;
  const ino_t netns_;
  const api::WayInSettings settings_;
  const Means means_;
  HeldClaim claim_;
  std::shared_ptr<ShareMap> share_ = std::make_shared<ShareMap>();
  std::shared_ptr<KernelRing> ring_;  ///< none: nothing stays in the kernel
  UniqueFd networks_;
  UniqueFd recent_;
  Selection selection_;
  int other_interface_ = 0;             ///< a gateway's second one, by index; 0: it is not there
  std::vector<std::string> addresses_;  ///< of the interfaces that are served, as of the last look()
  DetourSet detours_;
  bool is_open_ = false;
  bool forwards_v6_ = false;
  std::vector<std::string> held_;  ///< sysctls, in order
  std::optional<KeptTable> masquerade_;
  std::optional<ChangeWatch> watch_;  ///< of that table
  std::vector<std::string> news_;
  std::string trouble_;
  std::chrono::steady_clock::time_point next_look_;
  api::WayInCounters counters_;
};

}  // namespace wobble::daemon
