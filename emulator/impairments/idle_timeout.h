// The NAT or firewall on the way that forgets idle connections.
//
// It sees every connection by its addresses and ports (not by the connection table, which has time-outs of its own) and
// remembers when a packet of it last came by in either direction. What the settings of a direction find idle for too
// long is refused in that direction, and does not count as a sign of life, until something opens it anew: a SYN, or,
// since UDP has nothing like it, a packet from the side that sent the flow's first. What it has never seen passes: so
// connections that were there before the setting are known from their next packet on. It knows kFlows at most; the one
// that was silent for longest makes room and is then unknown.
#pragma once

#include <memory>

#include "emulator/conditions/conditions.h"
#include "emulator/connections/idle_lists.h"
#include "emulator/connections/keyed_store.h"

namespace wobble {

class IdleTimeout {
 public:
  static constexpr std::uint32_t kFlows = 65'536;

  explicit IdleTimeout(HashKey hash_key) noexcept : hash_key_(hash_key) {}

  /// Both directions' settings. reserve() takes the memory that they need (std::bad_alloc) and changes nothing that can
  /// be seen; configure() is to be called after it. While neither direction asks for anything nothing is remembered.
  void reserve(const IdleTimeoutSettings& up, const IdleTimeoutSettings& down);
  void configure(const IdleTimeoutSettings& up, const IdleTimeoutSettings& down) noexcept;
  bool is_on() const noexcept { return up_ > Duration(0) || down_ > Duration(0); }

  /// Whether a packet that arrives is refused, since its connection was forgotten.
  bool refuses(const PacketView& packet, Side arrived_on, TimePoint now) noexcept;

 private:
  struct Flow {
    FlowKey key;
    std::uint64_t id;
    std::uint32_t key_chain;
    std::uint32_t id_chain;
    bool is_used;
    Side opener;
    TimePoint last;
  };
  /// Bounded, and nothing of it is allocated after reserve().
  struct Flows {
    explicit Flows(HashKey hash_key) : known(kFlows, hash_key), by_age(kFlows) {}
    KeyedStore<Flow> known;
    IdleLists by_age;  ///< all in its first list
    std::uint64_t next_id = 1;
  };
  void learn(const FlowKey& key, Side opener, TimePoint now) noexcept;

  HashKey hash_key_;
  Duration up_{0};
  Duration down_{0};
  std::unique_ptr<Flows> flows_;  ///< none while it is off
};

}  // namespace wobble
