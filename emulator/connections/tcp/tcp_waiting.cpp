#include "emulator/connections/tcp/tcp_waiting.h"

#include <algorithm>

#include "emulator/connections/tcp/transition_table.h"

namespace wobble {
namespace {

bool is_any(const TcpConnection& c, StateSet states) {
  return ((bit(c.client.state) | bit(c.server.state)) & states) != 0;
}
bool are_both(const TcpConnection& c, StateSet states) {
  return ((bit(c.client.state) | bit(c.server.state)) & ~states) == 0;
}

bool is_closed_by(const TcpConnection& c, Rule rule) {
  return c.client.closed_rule == rule || c.server.closed_rule == rule;
}

constexpr StateSet kNothing = bit(TcpState::none) | bit(TcpState::closed);
constexpr StateSet kWaitsForAckOfFin = bit(TcpState::fin_wait_1) | bit(TcpState::closing) | bit(TcpState::last_ack);

Duration timeout_of(const TcpConnection& c, const ConnectionTimeouts& timeouts) noexcept {
  switch (awaited_by(c)) {
    // Of one that was picked up and of which one side is silent, the other may be on another path.
    case Awaited::half_open: return is_any(c, bit(TcpState::syn_sent)) ? timeouts.syn_sent : timeouts.established;
    case Awaited::syn_received: return timeouts.syn_received;
    case Awaited::established: return timeouts.established;
    case Awaited::closing: return timeouts.closing;
    case Awaited::half_closed: return timeouts.half_closed;
    case Awaited::time_wait: return timeouts.time_wait;
    case Awaited::closed: return timeouts.after_reset;
  }
  return timeouts.established;
}

}  // namespace

Awaited awaited_by(const TcpConnection& c) noexcept {
  if (are_both(c, kNothing)) return Awaited::closed;
  if (are_both(c, kNothing | bit(TcpState::time_wait))) return Awaited::time_wait;
  if (is_any(c, bit(TcpState::syn_received))) return Awaited::syn_received;
  if (is_any(c, bit(TcpState::syn_sent))) return Awaited::half_open;
  if (is_any(c, kWaitsForAckOfFin)) return Awaited::closing;
  if (is_any(c, bit(TcpState::none))) return Awaited::half_open;
  if (are_both(c, bit(TcpState::established))) return Awaited::established;
  return Awaited::half_closed;
}

bool is_over(const TcpConnection& c) noexcept {
  return awaited_by(c) == Awaited::time_wait || (awaited_by(c) == Awaited::closed && is_any(c, bit(TcpState::closed)));
}

TimePoint deadline_of(const TcpConnection& c, const ConnectionTimeouts& timeouts, TimePoint last) noexcept {
  TimePoint earliest = kNever;
  for (const TcpEndpoint* x : {&c.client, &c.server}) {
    if (x->state == TcpState::time_wait) earliest = std::min(earliest, x->since.get() + timeouts.time_wait);
  }
  if (awaited_by(c) == Awaited::time_wait) return earliest;
  return std::min(earliest, last + timeout_of(c, timeouts));
}

bool time_out(TcpConnection& c, const ConnectionTimeouts& timeouts, TimePoint last, TimePoint now,
              Steps& steps) noexcept {
  bool has_waited = false;
  for (const Role side : {Role::client, Role::server}) {
    const TcpEndpoint& x = c.of(side);
    if (x.state != TcpState::time_wait || x.since.get() + timeouts.time_wait > now) continue;
    change_state(c, side, TcpState::closed, {side, {}, {}, Evidence::timer, Rule::time_wait_over}, now, steps);
    has_waited = true;
  }
  const Awaited what = awaited_by(c);
  if (has_waited && what == Awaited::closed) return true;
  if (what == Awaited::time_wait || last + timeout_of(c, timeouts) > now) return false;

  // Stacks give up silently in these states; in the others an endpoint may live on, and is only forgotten.
  StateSet given_up = 0;
  if (what == Awaited::half_open) given_up = bit(TcpState::syn_sent);
  if (what == Awaited::syn_received) given_up = bit(TcpState::syn_received);
  if (what == Awaited::closing) given_up = kWaitsForAckOfFin;
  bool has_changed = false;
  for (const Role side : {Role::client, Role::server}) {
    TcpEndpoint& x = c.of(side);
    if ((bit(x.state) & given_up) == 0) continue;
    x.seen |= TcpEndpoint::kTimedOut;
    change_state(c, side, TcpState::closed, {side, {}, {}, Evidence::timer, Rule::timer}, now, steps);
    has_changed = true;
  }
  return !has_changed || awaited_by(c) == Awaited::closed;
}

End end_if_open(const TcpConnection& c) noexcept {
  const bool is_one_closed = (c.client.state == TcpState::closed) != (c.server.state == TcpState::closed);
  const bool are_both_known = c.client.state != TcpState::none && c.server.state != TcpState::none;
  return is_one_closed && are_both_known ? End::half_open : End::open;
}

End end_of(const TcpConnection& c) noexcept {
  const TcpEndpoint& x = c.client;
  const TcpEndpoint& y = c.server;
  const bool has_timed_out = x.has(TcpEndpoint::kTimedOut) || y.has(TcpEndpoint::kTimedOut);
  if (!is_over(c) || has_timed_out) {
    if (!c.was_established && !c.had_fin && !x.has(TcpEndpoint::kReset) && !y.has(TcpEndpoint::kReset)) {
      return End::syn_timeout;
    }
    const bool is_x_gone = x.state == TcpState::closed && !x.has(TcpEndpoint::kTimedOut);
    const bool is_y_gone = y.state == TcpState::closed && !y.has(TcpEndpoint::kTimedOut);
    const bool is_one_closed = is_x_gone || is_y_gone || (x.state == TcpState::closed) != (y.state == TcpState::closed);
    return is_one_closed ? End::half_open : End::idle_timeout;
  }
  if (!c.was_established && !x.has(TcpEndpoint::kReset) && !y.has(TcpEndpoint::kReset)) {
    if (is_closed_by(c, Rule::icmp_refused)) return End::refused;
    if (is_closed_by(c, Rule::icmp_unreachable)) return End::unreachable;
  }
  if (x.has(TcpEndpoint::kReset) || y.has(TcpEndpoint::kReset)) {
    if (!x.has(TcpEndpoint::kSentSynAck) && !y.has(TcpEndpoint::kSentSynAck) && !c.was_established && !c.had_fin &&
        is_closed_by(c, Rule::refused)) {
      return End::refused;
    }
    return c.had_fin ? End::orderly_reset : End::reset;
  }
  return End::orderly;
}

}  // namespace wobble
