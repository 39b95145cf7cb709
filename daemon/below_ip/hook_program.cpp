#include "daemon/below_ip/hook_program.h"

#include <algorithm>

namespace wobble::daemon {

HookProgram::HookProgram(const std::vector<bpf_insn>& code, const std::string& name, HookKind kind, int interface,
                         Hook hook, RouteSocket& routes)
    : program_(load_program(code, name)), id_(program_id(program_.get())), kind_(kind), hook_(hook) {
  const auto there = routes.interface(interface);
  filter_ = {interface, there ? there->name : "", hook == Hook::egress, name};
}

void HookProgram::put(RouteSocket& routes) {
  if (was_put_ && is_there(routes)) return;
  was_put_ = true;
  if (kind_ == HookKind::tcx) {
    link_ = link_tcx(program_.get(), filter_.interface, hook_);
  } else {
    routes.add_filter(program_.get(), filter_.interface, hook_, filter_.name);
  }
}

void HookProgram::become_filter() {
  if (kind_ == HookKind::cls) return;
  link_ = UniqueFd();
  kind_ = HookKind::cls;
  was_put_ = false;
}

bool HookProgram::is_there(RouteSocket& routes) const {
  const auto ids = kind_ == HookKind::tcx ? programs_at(filter_.interface, hook_)
                                          : routes.filters(filter_.interface, hook_, filter_.name);
  return std::ranges::find(ids, id_) != ids.end();
}

void HookProgram::take_away() {
  link_ = UniqueFd();
  if (kind_ == HookKind::tcx || !was_put_) return;
  remove_filter(filter_);
  was_put_ = false;
}

}  // namespace wobble::daemon
