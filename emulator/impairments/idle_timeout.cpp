#include "emulator/impairments/idle_timeout.h"

namespace wobble {
namespace {

bool is_opening(const PacketView& packet, Side arrived_on, Side opener) noexcept {
  if (packet.protocol == kTcp) return packet.tcp.has(tcp_flag::kSyn) && !packet.tcp.has(tcp_flag::kAck);
  return arrived_on == opener;
}

}  // namespace

void IdleTimeout::configure(const IdleTimeoutSettings& up, const IdleTimeoutSettings& down) noexcept {
  up_ = up.time;
  down_ = down.time;
  if (is_on()) return;
  flows_.clear();
  by_age_.clear();
}

bool IdleTimeout::refuses(const PacketView& packet, Side arrived_on, TimePoint now) {
  if (!packet.has_transport) return false;
  const FlowKey key = FlowKey::of(packet, arrived_on);
  const auto found = flows_.find(key);
  if (found == flows_.end()) {
    learn(key, arrived_on, now);
    return false;
  }
  Flow& flow = *found->second;
  const Duration limit = arrived_on == Side::near ? up_ : down_;
  const bool is_forgotten = limit > Duration(0) && now - flow.last > limit;
  if (is_forgotten && !is_opening(packet, arrived_on, flow.opener)) return true;
  flow.last = now;
  by_age_.splice(by_age_.end(), by_age_, found->second);
  return false;
}

void IdleTimeout::learn(const FlowKey& key, Side opener, TimePoint now) {
  if (flows_.size() >= kFlows) {
    flows_.erase(by_age_.front().key);
    by_age_.pop_front();
  }
  by_age_.push_back({key, opener, now});
  flows_.emplace(key, std::prev(by_age_.end()));
}

}  // namespace wobble
