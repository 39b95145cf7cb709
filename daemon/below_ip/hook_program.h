// A program at one hook of one interface: by a tcx link, which the kernel takes away when we die, or as a filter of the
// older kind (cls_bpf at clsact), which stays.
#pragma once

#include <string>

#include "daemon/below_ip/bpf.h"
#include "daemon/below_ip/route_socket.h"
#include "daemon/below_ip/tc_filter.h"

namespace wobble::daemon {

enum class HookKind : std::uint8_t { tcx, cls };

class HookProgram {
 public:
  /// Loaded, and not there yet. `name` is at most 15 bytes. Throws std::system_error, as put() does.
  HookProgram(const std::vector<bpf_insn>& code, const std::string& name, HookKind kind, int interface, Hook hook,
              RouteSocket& routes);

  /// Puts it there, before all others, unless it is there. In the interface's namespace.
  void put(RouteSocket& routes);
  /// From the next put() on as a filter, whatever it was before; a link goes.
  void become_filter();
  /// Whether it is there. In the interface's namespace.
  bool is_there(RouteSocket& routes) const;
  /// Takes it away, but for the qdisc that an older one hangs on. Throws std::runtime_error if it stays; harmless if it
  /// is not there.
  void take_away();

  /// What will stay of it if we are killed, if it is of the older kind.
  const TcFilter& filter() const { return filter_; }

 private:
  UniqueFd program_;
  std::uint32_t id_;
  HookKind kind_;
  UniqueFd link_;
  Hook hook_;
  TcFilter filter_;  ///< where it belongs holds for both kinds
  bool was_put_ = false;
};

}  // namespace wobble::daemon
