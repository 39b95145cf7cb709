// The built-in lab: two network namespaces that hold nothing but one end of the link each.
//
//      client (near)                                      server (far)
//   10.77.0.1  fd77::1                               10.77.1.1  fd77::1:1
//        TUN `near`  ───────────  the link  ───────────  TUN `far`
//
// Both ends are on one /16 (and /64), and the default route of each leads into the link: every address that is not
// one's own is on the other side. The addresses are the same in every run, so that a seed means the same in every run.
#pragma once

#include <memory>

#include "api/backend.h"
#include "daemon/system/network_namespace.h"
#include "emulator/device/tun_device.h"

namespace wobble::daemon {

class Lab {
 public:
  /// Makes both namespaces with their devices, addresses and routes; `offload` as for TunDevice. Throws with what was
  /// attempted.
  explicit Lab(bool offload);

  /// Both devices are handed over once, to the forwarder.
  std::unique_ptr<TunDevice> take_near() { return std::move(near_); }
  std::unique_ptr<TunDevice> take_far() { return std::move(far_); }

  const NetworkNamespace& client() const { return client_; }
  const NetworkNamespace& server() const { return server_; }
  api::SideInfo near_info() const;
  api::SideInfo far_info() const;

  static constexpr const char* kServerAddress = "10.77.1.1";
  static constexpr std::uint16_t kServerPort = 80;

 private:
  NetworkNamespace client_;
  NetworkNamespace server_;
  std::unique_ptr<TunDevice> near_;
  std::unique_ptr<TunDevice> far_;
};

}  // namespace wobble::daemon
