#include "daemon/below_ip/hook_program.h"

#include <algorithm>

namespace wobble::daemon {

HookProgram::HookProgram(const std::vector<bpf_insn>& code, const std::string& name, HookKind kind, int interface,
                         Hook hook, RouteSocket& routes)
    : program_(load_program(code, name)), id_(program_id(program_.get())), kind_(kind) {
  filter_ = {interface, hook, name, kind == HookKind::cls && !routes.has_clsact(interface)};
}

void HookProgram::put(RouteSocket& routes) {
  if (was_put_ && is_there(routes)) return;
  was_put_ = true;
  if (kind_ == HookKind::tcx) {
    link_ = link_tcx(program_.get(), filter_.interface, filter_.hook);
  } else {
    routes.add_filter(program_.get(), filter_.interface, filter_.hook, filter_.name);
  }
}

bool HookProgram::is_there(RouteSocket& routes) const {
  const auto ids = kind_ == HookKind::tcx ? programs_at(filter_.interface, filter_.hook)
                                          : routes.filters(filter_.interface, filter_.hook, filter_.name);
  return std::ranges::find(ids, id_) != ids.end();
}

void HookProgram::take_away(RouteSocket& routes) {
  link_ = UniqueFd();
  if (kind_ == HookKind::tcx || !was_put_) return;
  routes.remove_filters(filter_.interface, filter_.hook, filter_.name, filter_.made_clsact);
  was_put_ = false;
}

}  // namespace wobble::daemon
