// A way in that leads a namespace's traffic through our two devices by rules and routing tables of one slot: attach,
// loopback, gateway. What it changes is a Plan's to say.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/ways_in/ledger.h"
#include "daemon/ways_in/plan.h"
#include "daemon/ways_in/target.h"
#include "daemon/ways_in/way_in.h"

namespace wobble::daemon {

class Diversion : public WayIn {
 public:
  using Planner = std::function<Plan(const NetnsView&, Slot)>;

  /// Makes the devices, their routes and what these need; nothing is diverted yet. Throws api::Unfit, api::Incapable,
  /// api::Conflict (no slot is free), std::system_error, and leaves nothing.
  Diversion(Target target, api::WayInSettings settings, const Planner& planner, Ledger& ledger, bool offload);
  ~Diversion() override;

  api::SideInfo near_info() const override;
  api::SideInfo far_info() const override;
  api::WayInSettings settings() const override { return settings_; }
  std::string detail() const override;
  void open() override;
  [[nodiscard]] std::string close() noexcept override;
  ino_t netns() const override { return netns_; }
  std::string gone() const override { return target_.gone(); }

 private:
  // On a thread inside the namespace.
  std::unique_ptr<PacketDevice> make_device(const std::string& name, bool offload) const;
  void take_slot(bool offload);
  void set_up(const Planner& planner);
  void bring_devices_up();
  void hold(const std::string& name, const std::string& value);
  void masquerade();
  void let_detours_pass();
  void forward_v6();
  std::string undo() noexcept;

  Target target_;
  ino_t netns_;
  api::WayInSettings settings_;
  Ledger& ledger_;
  Slot slot_;
  bool has_slot_ = false;
  bool holds_local_[2] = {false, false};
  Plan plan_;
  std::vector<std::string> held_;  ///< sysctls, in order
  std::string nft_table_;
};

}  // namespace wobble::daemon
