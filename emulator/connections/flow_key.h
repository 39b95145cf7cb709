// What makes packets one flow, and the hashes over it.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/packet/address.h"
#include "emulator/packet/packet.h"

namespace wobble {

/// A flow's 5-tuple as the link sees it: its near and its far endpoint. Both directions make the same key, and a
/// packet that claims the addresses of the other side makes another one.
struct FlowKey {
  IpAddress near_address;
  IpAddress far_address;
  std::uint16_t near_port = 0;
  std::uint16_t far_port = 0;
  std::uint8_t protocol = 0;

  static FlowKey of(const PacketView& packet, Side arrived_on) noexcept;
  Endpoint endpoint(Side side) const noexcept {
    return side == Side::near ? Endpoint{near_address, near_port} : Endpoint{far_address, far_port};
  }
  bool operator==(const FlowKey&) const = default;
};

struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

/// SipHash-2-4 (Aumasson, Bernstein: SipHash: a fast short-input PRF, 2012) over whole 64-bit words.
std::uint64_t siphash(HashKey key, std::span<const std::uint64_t> words) noexcept;

std::uint64_t hash_of(HashKey key, const FlowKey& flow) noexcept;
/// Of a server endpoint; ordinal 0 names the endpoint itself.
std::uint64_t hash_of(HashKey key, std::uint8_t protocol, const Endpoint& server, std::uint32_t ordinal) noexcept;
/// Of two addresses in their order, for packets without ports.
std::uint64_t hash_of(HashKey key, std::uint8_t protocol, const IpAddress& from, const IpAddress& to) noexcept;

/// The key that flow keys are made with: part of the scheme of chance, the same in every run, never to change.
inline constexpr HashKey kFlowKeySecret{0x776f62626c652d31ULL, 0x666c6f772d6b6579ULL};

/// The server of a flow. ICMP's "ports" are an identifier that differs from run to run: no part of what a server is.
Endpoint server_of(const FlowKey& key, Side server_side) noexcept;
/// The flow key of the `ordinal`-th connection of its server.
std::uint64_t flow_key_of(const FlowKey& key, Side server_side, std::uint32_t ordinal) noexcept;

}  // namespace wobble
