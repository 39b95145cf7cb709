// A namespace whose only way out is the link: the near device is in it, the far one in the daemon's own namespace,
// where its packets are forwarded behind this machine's own addresses.
//
//   198.19.K.2  fdc7:6f62:K+1::2                    198.19.K.1  fdc7:6f62:K+1::1
//        TUN `near`  ───────────  the link  ───────────  TUN `wobrunK`  ── forwarding, masquerade ── outside
//
// 198.18.0.0/15 is for measurements of networks (RFC 2544, RFC 6890): it stands in nobody's way. The kernel makes K one
// way in's: a second device of the same name cannot be made.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/network_namespace.h"
#include "daemon/ways_in/ledger.h"
#include "daemon/ways_in/name_relay.h"
#include "daemon/ways_in/netns_view.h"
#include "daemon/ways_in/way_in.h"

namespace wobble::daemon {

class RunWay : public WayIn {
 public:
  static constexpr int kMost = 256;

  /// Throws api::Unfit (no such owner), api::Incapable, api::Conflict, std::system_error, std::runtime_error, and
  /// leaves nothing.
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

 private:
  void take_number(bool offload);
  void set_up_outside(const NetnsView& view);
  void set_up_inside();
  void find_name_servers();
  std::string device() const;
  std::string v4(int host) const;
  std::string v6(int host) const;

  api::RunSettings settings_;
  Ledger& ledger_;
  NetworkNamespace inside_;
  ino_t outside_;
  int number_ = -1;
  int mtu_ = 1500;
  bool has_v6_ = false;
  std::string local_name_server_;            ///< on this machine's loopback; empty: none is used
  std::unique_ptr<NameRelay> name_relay_;    ///< to it, by way of the far address
  std::function<std::string()> owner_gone_;  ///< none: nobody owns it
  std::vector<std::string> held_;
};

/// The addresses of the lines "nameserver ADDRESS" of a resolv.conf(5).
std::vector<std::string> read_name_servers(const std::string& file);

}  // namespace wobble::daemon
