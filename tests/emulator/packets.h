// Packets made by hand, for tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "emulator/packet/packet.h"
#include "emulator/packet/packet_checksum.h"

namespace wobble::packets {

using Bytes = std::vector<std::uint8_t>;

inline Bytes operator+(Bytes a, const Bytes& b) {
  const std::size_t size = a.size();
  a.resize(size + b.size());
  std::copy(b.begin(), b.end(),
            a.begin() + static_cast<std::ptrdiff_t>(size));  // g++ 12 warns of insert() without cause
  return a;
}

inline Bytes be16(std::size_t v) { return {static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v & 0xff)}; }
inline Bytes be32(std::uint32_t v) { return be16(v >> 16) + be16(v & 0xffff); }

inline Bytes tcp(std::uint16_t source, std::uint16_t destination, std::uint32_t seq, std::uint32_t ack,
                 std::uint16_t flags, const Bytes& payload = {}, const Bytes& options = {}) {
  const std::size_t words = 5 + options.size() / 4;
  return be16(source) + be16(destination) + be32(seq) + be32(ack) + be16(words << 12 | flags) + be16(64240) + be16(0) +
         be16(0) + options + payload;
}

inline Bytes udp(std::uint16_t source, std::uint16_t destination, const Bytes& payload = {}) {
  return be16(source) + be16(destination) + be16(8 + payload.size()) + be16(0) + payload;
}

inline Bytes icmp_echo(std::uint8_t type, std::uint16_t identifier, const Bytes& payload = {}) {
  return Bytes{type, 0, 0, 0} + be16(identifier) + be16(1) + payload;
}

/// From 10.77.0.1 to 10.77.1.1; `fragment` is the field of flags and offset.
inline Bytes ipv4(std::uint8_t protocol, const Bytes& body, std::uint16_t fragment = 0, const Bytes& options = {}) {
  const std::size_t header = 20 + options.size();
  return Bytes{static_cast<std::uint8_t>(0x40 | header / 4), 0} + be16(header + body.size()) + be16(1) +
         be16(fragment) + Bytes{64, protocol, 0, 0, 10, 77, 0, 1, 10, 77, 1, 1} + options + body;
}

/// From fd77::1 to fd77::1:1.
inline Bytes ipv6(std::uint8_t next, const Bytes& body) {
  Bytes source(16, 0), destination(16, 0);
  source[0] = destination[0] = 0xfd;
  source[1] = destination[1] = 0x77;
  source[15] = destination[13] = destination[15] = 1;
  return Bytes{0x60, 0, 0, 0} + be16(body.size()) + Bytes{next, 64} + source + destination + body;
}

/// Hop-by-hop, routing or destination options of 8 * (units + 1) bytes, padded.
inline Bytes extension(std::uint8_t next, std::uint8_t units = 0) {
  const std::size_t padding = 8 * (units + std::size_t{1}) - 4;
  return Bytes{next, units, 1, static_cast<std::uint8_t>(padding)} + Bytes(padding, 0);
}

inline Bytes fragment_header(std::uint8_t next, std::uint16_t offset_in_units, bool more) {
  return Bytes{next, 0} + be16(offset_in_units << 3 | (more ? 1 : 0)) + be32(7);
}

/// RFC 4302: 12 bytes and a check value of `words` * 4.
inline Bytes authentication(std::uint8_t next, std::uint8_t words) {
  return Bytes{next, static_cast<std::uint8_t>(1 + words), 0, 0} + be32(1) + be32(2) + Bytes(words * std::size_t{4}, 9);
}

/// The same packet with its transport checksum right.
inline Bytes with_checksum(Bytes bytes) {
  PacketView view;
  if (parse_packet(bytes, view) == ParseError::none) write_checksum(view, bytes);
  return bytes;
}

}  // namespace wobble::packets
