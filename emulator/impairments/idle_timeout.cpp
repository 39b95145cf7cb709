#include "emulator/impairments/idle_timeout.h"

namespace wobble {
namespace {

bool is_opening(const PacketView& packet, Side arrived_on, Side opener) noexcept {
  if (packet.protocol == kTcp) return packet.tcp.has(tcp_flag::kSyn) && !packet.tcp.has(tcp_flag::kAck);
  return arrived_on == opener;
}

}  // namespace

void IdleTimeout::reserve(const IdleTimeoutSettings& up, const IdleTimeoutSettings& down) {
  if (!flows_ && (up.time > Duration(0) || down.time > Duration(0))) flows_ = std::make_unique<Flows>(hash_key_);
}

void IdleTimeout::configure(const IdleTimeoutSettings& up, const IdleTimeoutSettings& down) noexcept {
  up_ = up.time;
  down_ = down.time;
  if (!is_on()) flows_.reset();
}

bool IdleTimeout::refuses(const PacketView& packet, Side arrived_on, TimePoint now) noexcept {
  if (!packet.has_transport || !flows_) return false;
  const FlowKey key = FlowKey::of(packet, arrived_on);
  const std::uint32_t index = flows_->known.find(key);
  if (index == 0) {
    learn(key, arrived_on, now);
    return false;
  }
  Flow& flow = flows_->known[index];
  const Duration limit = arrived_on == Side::near ? up_ : down_;
  const bool is_forgotten = limit > Duration(0) && now - flow.last > limit;
  if (is_forgotten && !is_opening(packet, arrived_on, flow.opener)) return true;
  flow.last = now;
  flows_->by_age.touch(index);
  return false;
}

void IdleTimeout::learn(const FlowKey& key, Side opener, TimePoint now) noexcept {
  constexpr std::uint8_t kAll = 0;
  KeyedStore<Flow>& known = flows_->known;
  if (known.size() == kFlows) {
    const std::uint32_t oldest = flows_->by_age.oldest(kAll);
    flows_->by_age.remove(oldest);
    known.erase(oldest);
  }
  const std::uint32_t index = known.insert(key, flows_->next_id++);
  known[index].opener = opener;
  known[index].last = now;
  flows_->by_age.touch(index, kAll);
}

}  // namespace wobble
