// The NAT or firewall on the way that forgets idle connections.
//
// It sees every connection by its addresses and ports (not by the connection table, which has time-outs of its own) and
// remembers when a packet of it last came by in either direction. What the settings of a direction find idle for too
// long is refused in that direction, and does not count as a sign of life, until something opens it anew: a SYN, or,
// since UDP has nothing like it, a packet from the side that sent the flow's first. What it has never seen passes: so
// connections that were there before the setting are known from their next packet on. It knows kFlows at most; the one
// that was silent for longest makes room and is then unknown.
#pragma once

#include <list>
#include <unordered_map>

#include "emulator/conditions.h"
#include "emulator/connections/flow_key.h"

namespace wobble {

class IdleTimeout {
 public:
  static constexpr std::size_t kFlows = 65'536;

  explicit IdleTimeout(HashKey hash_key) : flows_(0, Hash{hash_key}) {}

  /// Both directions' settings. While neither asks for anything nothing is remembered.
  void configure(const IdleTimeoutSettings& up, const IdleTimeoutSettings& down) noexcept;
  bool is_on() const noexcept { return up_ > Duration(0) || down_ > Duration(0); }

  /// Whether a packet that arrives is refused, since its connection was forgotten.
  bool refuses(const PacketView& packet, Side arrived_on, TimePoint now);

 private:
  struct Flow {
    FlowKey key;
    Side opener;
    TimePoint last;
  };
  struct Hash {
    HashKey key;
    std::size_t operator()(const FlowKey& flow) const noexcept { return hash_of(key, flow); }
  };
  void learn(const FlowKey& key, Side opener, TimePoint now);

  Duration up_{0};
  Duration down_{0};
  std::list<Flow> by_age_;  ///< the latest last
  std::unordered_map<FlowKey, std::list<Flow>::iterator, Hash> flows_;
};

}  // namespace wobble
