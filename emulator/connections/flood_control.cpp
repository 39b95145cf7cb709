#include "emulator/connections/flood_control.h"

#include <algorithm>

namespace wobble {

void FloodControl::notify(HalfOpenFlood::Phase phase, TimePoint now, TimePoint since, bool is_one_sided) noexcept {
  HalfOpenFlood flood{now, since, phase, 0, 0, {}, 0, 0, 0, 0};
  flood.is_one_sided = is_one_sided;
  observer_.on_flood(flood);
}

void FloodControl::handshake_begun(TimePoint now) noexcept {
  if (handshakes_.begun(now)) notify(HalfOpenFlood::Phase::began, now, now, false);
}

void FloodControl::count_failure(const FlowKey& key, Side client_side, const Failure& failure, TimePoint now) noexcept {
  failures_.count(key.endpoint(client_side).address, key.endpoint(opposite(client_side)).port, failure, now);
}

bool FloodControl::may_open(const FlowKey& key, Side client_side, Side arrived_on, TimePoint now) noexcept {
  const bool was_on = one_sided_.is_on();
  if (was_on) {
    const OneSidedFlows::Seen seen = seen_.see(hash_of(hash_key_, key), arrived_on);
    if (seen == OneSidedFlows::Seen::followed) one_sided_.completed();
    if (seen != OneSidedFlows::Seen::first) return seen == OneSidedFlows::Seen::followed;
    const Endpoint server = server_of(key, opposite(client_side));
    one_sided_flows_.count(key.endpoint(client_side).address, server.port, {}, now);
  }
  if (one_sided_.begun(now)) notify(HalfOpenFlood::Phase::began, now, now, true);
  return !was_on;
}

TimePoint FloodControl::next_due() const noexcept {
  return std::min({handshakes_.next_due(), failures_.next_due(), one_sided_.next_due(), one_sided_flows_.next_due()});
}

void FloodControl::flush(TimePoint now) noexcept {
  failures_.flush(now, [&](const HalfOpenFlood& row) { observer_.on_flood(row); });
}

void FloodControl::flush_one_sided(TimePoint now) noexcept {
  one_sided_flows_.flush(now, [&](HalfOpenFlood row) {
    row.is_one_sided = true;
    observer_.on_flood(row);
  });
}

void FloodControl::advance(TimePoint now) noexcept {
  if (one_sided_flows_.next_due() <= now) flush_one_sided(now);
  if (one_sided_.ends(now)) {
    seen_.forget_all();
    notify(HalfOpenFlood::Phase::ended, now, one_sided_.since(), true);
  }
  if (failures_.next_due() <= now) flush(now);
  if (handshakes_.ends(now)) notify(HalfOpenFlood::Phase::ended, now, handshakes_.since(), false);
}

void FloodControl::end(TimePoint now) noexcept {
  flush_one_sided(now);
  if (one_sided_.is_on()) notify(HalfOpenFlood::Phase::ended, now, one_sided_.since(), true);
  one_sided_ = FloodWatch(rate_);
  seen_.forget_all();
  flush(now);
  if (handshakes_.is_on()) notify(HalfOpenFlood::Phase::ended, now, handshakes_.since(), false);
  handshakes_ = FloodWatch(rate_);
}

}  // namespace wobble
