// What stands in a network namespace, as far as ways in care.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/ways_in/iproute.h"

namespace wobble::daemon {

struct OwnAddress {
  std::string text;  ///< "10.77.0.2"
  int length = 0;    ///< of its network's prefix
};

struct Interface {
  std::string name;
  int mtu = 1500;
  bool is_up = false;
  bool is_loopback = false;
  std::vector<OwnAddress> addresses[2];  ///< by Family; of IPv6 the global ones, and ::1
};

/// Of the table `main`.
struct Route {
  std::string destination;  ///< "default", "10.0.0.0/8"
  std::string device;       ///< empty: none (a blackhole), or several
};

struct NetnsView {
  std::vector<Interface> interfaces;
  std::vector<Route> routes[2];  ///< by Family

  const Interface* find(const std::string& name) const;
};

/// Of the calling thread's namespace. Throws std::runtime_error if `ip` fails.
NetnsView look_around();

/// What follows is pure, on the JSON of `ip -N -json`.
std::vector<Interface> read_interfaces(const IpJson& addresses);
std::vector<Route> read_routes(const IpJson& routes);

}  // namespace wobble::daemon
