#include "emulator/connections/tcp/steps.h"

#include <algorithm>

namespace wobble {

bool Steps::has_change() const noexcept {
  return std::any_of(begin(), end(), [](const Step& step) { return step.from != step.to; });
}

void change_state(TcpConnection& connection, Role side, TcpState to, const Step& because, TimePoint now,
                  Steps& steps) noexcept {
  TcpEndpoint& x = connection.of(side);
  steps.add({side, x.state, to, because.evidence, because.rule});
  if (to == x.state) return;
  if (to == TcpState::closed) {
    x.before_closed = x.state;
    x.closed_rule = because.rule;
  }
  if (to == TcpState::established) connection.was_established = true;
  x.state = to;
  x.since = now;
}

}  // namespace wobble
