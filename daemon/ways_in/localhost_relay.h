// Ports of one namespace's loopback that lead to the same ports of another's, beside the link: what comes to
// 127.0.0.1:PORT or [::1]:PORT there is passed on by this process. TCP.
//
// A connection ends here and another goes on, so a client is connected before its server is known to be there: it is
// reset if it is not.
//
// Thread: one of its own, in the constructor's network namespace, from which it connects.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

#include "daemon/system/network_namespace.h"
#include "daemon/ways_in/relayed_streams.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {

class LocalhostRelay {
 public:
  /// Listens on `ports` inside `listens_in`, whose loopback is up. Throws std::system_error.
  LocalhostRelay(const NetworkNamespace& listens_in, const std::vector<std::uint16_t>& ports);
  ~LocalhostRelay();
  LocalhostRelay(const LocalhostRelay&) = delete;
  LocalhostRelay& operator=(const LocalhostRelay&) = delete;

 private:
  struct Door {
    UniqueFd listener;
    std::uint16_t port;
  };

  void serve();
  void take_one(const Door& door);

  std::vector<Door> doors_;
  UniqueFd stop_;
  RelayedStreams streams_;
  std::thread thread_;
};

}  // namespace wobble::daemon
