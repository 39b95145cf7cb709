// A namespace whose only way out is the link: the near device is in it, the far one in the daemon's own namespace,
// where its packets are forwarded behind this machine's own addresses.
//
//   198.19.K.2  fdc7:6f62:K+1::2                    198.19.K.1  fdc7:6f62:K+1::1
//        TUN `near`  ───────────  the link  ───────────  TUN `wobrunK`  ── forwarding, masquerade ── outside
//
// 198.18.0.0/15 is for measurements of networks (RFC 2544, RFC 6890): it stands in nobody's way. The kernel makes K one
// way in's: a second device of the same name cannot be made.
//
// What listens on this machine's loopback is reached at 127.0.0.1 and ::1 in the namespace, if asked: through the link,
// by translation on both sides of it, so that the connection is the command's and the server's own; or beside it, by a
// relay (localhost_relay.h).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/system/network_namespace.h"
#include "daemon/ways_in/change_watch.h"
#include "daemon/ways_in/kept_table.h"
#include "daemon/ways_in/ledger.h"
#include "daemon/ways_in/localhost_relay.h"
#include "daemon/ways_in/name_relay.h"
#include "daemon/ways_in/netns_view.h"
#include "daemon/ways_in/run_rules.h"
#include "daemon/ways_in/way_in.h"

namespace wobble::daemon {

class RunWay : public WayIn {
 public:
  static constexpr int kMost = 256;

  /// Throws api::Unfit (no such owner), api::Incapable (also where a firewall would eat what leaves), api::Conflict,
  /// std::system_error, std::runtime_error, and leaves nothing.
  RunWay(api::RunSettings settings, Ledger& ledger, bool offload);
  ~RunWay() override;

  api::SideInfo near_info() const override;
  api::SideInfo far_info() const override;
  api::WayInSettings settings() const override { return settings_; }
  std::string detail() const override;
  void open() override;
  [[nodiscard]] std::string close() noexcept override;
  /// Its owner has ended, and nothing runs in the namespace any more: a command that has lost its `wobble run` goes on.
  std::string gone() const override;
  std::string look() override;
  std::vector<std::string> take_news() override { return std::exchange(mended_, {}); }

 private:
  using Clock = std::chrono::steady_clock;

  /// Whether the link bears IPv6, be it only for this machine's ::1.
  bool bears_v6() const { return rules_.has_v6 || rules_.with_v6; }
  void take_number(const NetnsView& view, bool offload);
  void find_name_servers();
  void hold_forwarding(const std::vector<std::string>& interfaces);
  void set_up_outside(const NetnsView& view);
  std::vector<std::string> device_lines(Family family) const;
  void set_up_inside();
  void prove(bool offload) const;
  void mend_device();
  void mend_forwarding();
  void mend_rules();

  api::RunSettings settings_;
  Ledger& ledger_;
  NetworkNamespace inside_;
  ino_t outside_;
  RunRules rules_;  ///< with no number: nothing stands
  std::optional<KeptTable> table_;
  int mtu_ = 1500;
  std::string local_name_server_;              ///< on this machine's loopback; empty: none is used
  std::unique_ptr<NameRelay> name_relay_;      ///< to it, by way of the far address
  std::unique_ptr<LocalhostRelay> localhost_;  ///< what is reached beside the link
  std::function<std::string()> owner_gone_;    ///< none: nobody owns it
  std::vector<std::string> held_;

  std::optional<ChangeWatch> watch_;  ///< from when it stands
  ChangeWatch::News news_;            ///< not looked into yet
  Clock::time_point looked_at_;       ///< at everything
  std::string trouble_;
  std::vector<std::string> mended_;
};

/// The addresses of the lines "nameserver ADDRESS" of a resolv.conf(5).
std::vector<std::string> read_name_servers(const std::string& file);

}  // namespace wobble::daemon
