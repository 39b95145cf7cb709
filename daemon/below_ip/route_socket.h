// What we ask of the kernel's routing socket, rtnetlink(7): which interfaces there are, what becomes of them, and the
// programs of the older kind at their hooks (tc-bpf(8)). In the network namespace of the thread that opened it, from
// whatever thread it is used; one thread at a time. Errors are std::system_error that say what was attempted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/below_ip/bpf.h"

struct mnl_socket;
struct nlmsghdr;

namespace wobble::daemon {

struct NetworkInterface {
  int index = 0;
  std::string name;
  std::string kind;        ///< "veth", "vlan", "wireguard"; empty: a piece of hardware, or lo
  std::uint16_t type = 0;  ///< ARPHRD_...
  bool is_up = false;
  int master = 0;             ///< the bridge, bond or VRF that it belongs to; 0: none
  int lower = 0;              ///< the interface of the same namespace that its packets go through; 0: none
  std::uint64_t dropped = 0;  ///< packets that were to leave by it
};

class RouteSocket {
 public:
  RouteSocket();

  std::vector<NetworkInterface> interfaces();
  /// None if there is none of that index.
  std::optional<NetworkInterface> interface(int index);

  /// Sets one of our own devices up: no ARP, no multicast, no IPv6 address of its own, a queue of so many packets.
  void bring_up(int interface, std::uint32_t mtu, std::uint32_t queue_length);

  /// Puts a program before all others of the older kind at that hook, under a name (tc(8) shows it); the queueing
  /// discipline that carries it, clsact, is made if it is missing. It stays when we are gone.
  void add_filter(int program, int interface, Hook hook, const std::string& name);
  /// Removes every program of that name, and clsact if nothing is left in it and `is_ours`. Harmless if there is none.
  void remove_filters(int interface, Hook hook, const std::string& name, bool is_ours);
  /// The ids of the programs of that name.
  std::vector<std::uint32_t> filters(int interface, Hook hook, const std::string& name);
  bool has_clsact(int interface);

 private:
  struct Close {
    void operator()(mnl_socket* socket) const;
  };
  struct Filter {
    std::string name;
    std::uint32_t info = 0;  ///< priority and protocol, as tcm_info
    std::uint32_t handle = 0;
    std::uint32_t program = 0;
  };

  void ask(nlmsghdr* request, const char* what);
  template <typename Each>
  void dump(nlmsghdr* request, const char* what, Each each);
  std::vector<Filter> all_filters(int interface, Hook hook);

  std::unique_ptr<mnl_socket, Close> socket_;
  std::uint32_t sequence_ = 0;
};

/// Tells that an interface has come, gone or changed; devices of ours are none.
class InterfaceWatch {
 public:
  /// In the calling thread's network namespace.
  InterfaceWatch();
  /// Whether anything has happened since the last question. Does not wait.
  bool has_news();

 private:
  UniqueFd socket_;
};

}  // namespace wobble::daemon
