// Super-packets made by hand, and the wire packets they stand for, cut by a reference that knows nothing of
// SuperPacket.
#pragma once

#include <random>
#include <vector>

#include "emulator/packet/offload.h"
#include "emulator/packet/packet.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/packets.h"

namespace wobble::super_packets {

using packets::Bytes;

struct Super {
  Bytes bytes;
  Offload offload;
};

inline Bytes random_bytes(std::mt19937_64& random, std::size_t n) {
  Bytes bytes(n);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random());
  return bytes;
}

inline Super make(std::mt19937_64& random, bool is_v6, bool is_tcp, std::size_t payload, std::uint16_t segment_size) {
  using namespace packets;
  const Bytes data = random_bytes(random, payload);
  const auto flags = static_cast<std::uint16_t>(
      tcp_flag::kAck | (random() & (tcp_flag::kFin | tcp_flag::kPsh | tcp_flag::kCwr | tcp_flag::kEce)));
  const Bytes options(random() % 2 == 0 ? 0 : 12, 1);
  const Bytes transport =
      is_tcp ? tcp(40000, 80, static_cast<std::uint32_t>(random()), 77, flags, data, options) : udp(40000, 53, data);
  const std::uint8_t protocol = is_tcp ? kTcp : kUdp;
  Super super{is_v6 ? ipv6(protocol, transport) : ipv4(protocol, transport), {}};
  if (!is_v6) write_ipv4_header_checksum(super.bytes);
  PacketView view;
  parse_packet(super.bytes, view);
  write_partial_checksum(view, super.bytes);
  super.offload.kind = is_tcp ? Offload::Kind::tcp : Offload::Kind::udp;
  super.offload.ecn = is_tcp && (flags & tcp_flag::kCwr) != 0;
  super.offload.needs_checksum = true;
  super.offload.segment_size = segment_size;
  super.offload.header_length = view.payload_offset;
  super.offload.checksum_start = view.transport_offset;
  super.offload.checksum_offset = is_tcp ? 16 : 6;
  return super;
}

/// The same with a codepoint of ECN, 0 to 3.
inline Super with_ecn(Super super, std::uint64_t codepoint) {
  const bool is_v6 = super.bytes[0] >> 4 == 6;
  super.bytes[1] = static_cast<std::uint8_t>((super.bytes[1] & (is_v6 ? 0xcf : 0xfc)) | codepoint << (is_v6 ? 4 : 0));
  if (!is_v6) write_ipv4_header_checksum(super.bytes);
  return super;
}

/// The packets on the wire, with whole checksums, as a network card would cut them.
inline std::vector<Bytes> cut(const Super& super) {
  PacketView whole;
  parse_packet(super.bytes, whole);
  if (whole.is_fragment) return {super.bytes};  // whose lengths and sums are those of the whole
  std::vector<Bytes> wire;
  const std::size_t size = super.offload.kind == Offload::Kind::none ? 1 << 20 : super.offload.segment_size;
  const std::size_t headers = whole.payload_offset;
  for (std::size_t at = headers, i = 0; i == 0 || at < super.bytes.size(); at += size, ++i) {
    const std::size_t end = std::min(at + size, super.bytes.size());
    const bool is_last = end == super.bytes.size();
    Bytes packet(super.bytes.begin(), super.bytes.begin() + static_cast<std::ptrdiff_t>(headers));
    packet.insert(packet.end(), super.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                  super.bytes.begin() + static_cast<std::ptrdiff_t>(end));
    const auto put16 = [&](std::size_t where, std::size_t value) {
      packet[where] = static_cast<std::uint8_t>(value >> 8);
      packet[where + 1] = static_cast<std::uint8_t>(value);
    };
    if (whole.version == 6) {
      put16(4, packet.size() - 40);
    } else {
      put16(2, packet.size());
      put16(4, (packet[4] << 8 | packet[5]) + i);
      write_ipv4_header_checksum(packet);
    }
    const std::size_t t = whole.transport_offset;
    if (whole.protocol == kTcp) {
      const std::uint32_t seq = whole.tcp.seq + static_cast<std::uint32_t>(at - headers);
      put16(t + 4, seq >> 16);
      put16(t + 6, seq & 0xffff);
      if (!is_last) packet[t + 13] &= 0xff & ~(tcp_flag::kFin | tcp_flag::kPsh);
      if (i > 0) packet[t + 13] &= 0xff & ~tcp_flag::kCwr;
    } else if (whole.protocol == kUdp) {
      put16(t + 4, packet.size() - t);
    }
    wire.push_back(packets::with_checksum(packet));
  }
  return wire;
}

}  // namespace wobble::super_packets
