#include "emulator/connections/flow_key.h"

#include <bit>

namespace wobble {
namespace {

// Bytes into words by arithmetic, not by copying, so that every machine gets the same.
std::uint64_t word_at(const IpAddress& address, std::size_t offset) noexcept {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < 8; ++i) word |= std::uint64_t{address.bytes[offset + i]} << (8 * i);
  return word;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() noexcept {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) noexcept {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

}  // namespace

FlowKey FlowKey::of(const PacketView& packet, Side arrived_on) noexcept {
  if (arrived_on == Side::near) {
    return {packet.source, packet.destination, packet.source_port, packet.destination_port, packet.protocol};
  }
  return {packet.destination, packet.source, packet.destination_port, packet.source_port, packet.protocol};
}

std::uint64_t siphash(HashKey key, std::span<const std::uint64_t> words) noexcept {
  SipState state{key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL, key.k0 ^ 0x6c7967656e657261ULL,
                 key.k1 ^ 0x7465646279746573ULL};
  for (const std::uint64_t word : words) state.take(word);
  state.take(std::uint64_t{words.size() * 8} << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::uint64_t hash_of(HashKey key, const FlowKey& flow) noexcept {
  const std::uint64_t words[] = {
      word_at(flow.near_address, 0), word_at(flow.near_address, 8), word_at(flow.far_address, 0),
      word_at(flow.far_address, 8),
      std::uint64_t{flow.near_port} | std::uint64_t{flow.far_port} << 16 | std::uint64_t{flow.protocol} << 32};
  return siphash(key, words);
}

std::uint64_t hash_of(HashKey key, std::uint8_t protocol, const Endpoint& server, std::uint32_t ordinal) noexcept {
  const std::uint64_t words[] = {word_at(server.address, 0), word_at(server.address, 8),
                                 std::uint64_t{server.port} | std::uint64_t{protocol} << 16, ordinal};
  return siphash(key, words);
}

std::uint64_t hash_of(HashKey key, std::uint8_t protocol, const IpAddress& from, const IpAddress& to) noexcept {
  const std::uint64_t words[] = {word_at(from, 0), word_at(from, 8), word_at(to, 0), word_at(to, 8), protocol};
  return siphash(key, words);
}

Endpoint server_of(const FlowKey& key, Side server_side) noexcept {
  Endpoint server = key.endpoint(server_side);
  if (is_icmp(key.protocol)) server.port = 0;
  return server;
}

std::uint64_t flow_key_of(const FlowKey& key, Side server_side, std::uint32_t ordinal) noexcept {
  return hash_of(kFlowKeySecret, key.protocol, server_of(key, server_side), ordinal);
}

}  // namespace wobble
