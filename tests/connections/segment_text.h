// Segments written as a person would: "SYN,ACK 0 ack 1", "FIN,ACK 101 ack 1 len 20 win 500". Flags, the sequence number
// relative to the sender's ISN, then words with numbers; `ack` is relative to the receiver's ISN, the others
// (`scale`, `mss`, `sackok`, `ts`, `echo`, `tfo`, `mptcp`, `sack`) are options. Made into real IPv4 packets and read
// back with the emulator's own parser.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/packet/packet.h"

namespace wobble::testing {

struct PacketBytes {
  std::vector<std::uint8_t> bytes;
  PacketView view;

  PacketBytes() = default;
  explicit PacketBytes(std::vector<std::uint8_t> the_bytes) : bytes(std::move(the_bytes)) {
    EXPECT_EQ(parse_packet(bytes, view), ParseError::none);
  }
  PacketBytes(const PacketBytes& other) : PacketBytes(other.bytes) {}
  PacketBytes& operator=(const PacketBytes& other) {
    bytes = other.bytes;
    EXPECT_EQ(parse_packet(bytes, view), ParseError::none);
    return *this;
  }
};

/// An IPv4 address 10.77.x.y as a number's low 16 bits.
using HostNumber = std::uint16_t;

inline void put16(std::vector<std::uint8_t>& out, std::uint32_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value & 0xffff);
}

/// An IPv4 header before `rest`. `fragment` is the fragment field (flags and offset).
inline std::vector<std::uint8_t> ip_packet(std::uint8_t protocol, HostNumber source, HostNumber destination,
                                           const std::vector<std::uint8_t>& rest, std::uint16_t fragment = 0) {
  std::vector<std::uint8_t> out{0x45, 0};
  put16(out, static_cast<std::uint32_t>(20 + rest.size()));
  put16(out, 0);
  put16(out, fragment);
  out.push_back(64);
  out.push_back(protocol);
  put16(out, 0);
  put32(out, 0x0a4d0000u | source);
  put32(out, 0x0a4d0000u | destination);
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

inline PacketBytes udp_packet(HostNumber source, std::uint16_t source_port, HostNumber destination,
                              std::uint16_t destination_port, std::size_t length = 10) {
  std::vector<std::uint8_t> udp;
  put16(udp, source_port);
  put16(udp, destination_port);
  put16(udp, static_cast<std::uint32_t>(8 + length));
  put16(udp, 0);
  udp.resize(8 + length);
  return PacketBytes(ip_packet(kUdp, source, destination, udp));
}

inline PacketBytes tcp_packet(HostNumber source, std::uint16_t source_port, HostNumber destination,
                              std::uint16_t destination_port, const TcpSegment& segment,
                              const std::vector<std::uint8_t>& options = {}) {
  std::vector<std::uint8_t> tcp;
  put16(tcp, source_port);
  put16(tcp, destination_port);
  put32(tcp, segment.seq);
  put32(tcp, segment.ack);
  put16(tcp, static_cast<std::uint32_t>((20 + options.size()) / 4 << 12) | segment.flags);
  put16(tcp, segment.window);
  put32(tcp, 0);
  tcp.insert(tcp.end(), options.begin(), options.end());
  tcp.resize(tcp.size() + segment.length);
  return PacketBytes(ip_packet(kTcp, source, destination, tcp));
}

struct SegmentText {
  TcpSegment segment;
  std::vector<std::uint8_t> options;
};

inline std::uint16_t flags_of(const std::string& names) {
  constexpr const char* kNames[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"};
  std::uint16_t flags = 0;
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, ',');) {
    bool known = name == "none";
    for (int i = 0; i < 9; ++i) {
      if (name == kNames[i]) flags = static_cast<std::uint16_t>(flags | 1 << i), known = true;
    }
    EXPECT_TRUE(known) << "no such flag: " << name;
  }
  return flags;
}

inline SegmentText read_segment(const std::string& text, std::uint32_t sender_isn, std::uint32_t receiver_isn) {
  std::istringstream in(text);
  std::string flags;
  std::int64_t seq = 0;
  in >> flags >> seq;
  SegmentText result;
  result.segment.flags = flags_of(flags);
  result.segment.seq = sender_isn + static_cast<std::uint32_t>(seq);
  result.segment.window = 65535;
  std::string word;
  std::int64_t number = 0;
  while (in >> word >> number) {
    const auto value = static_cast<std::uint32_t>(number);
    if (word == "ack") {
      result.segment.ack = receiver_isn + value;
    } else if (word == "len") {
      result.segment.length = value;
    } else if (word == "win") {
      result.segment.window = static_cast<std::uint16_t>(value);
    } else if (word == "scale") {
      result.options.insert(result.options.end(), {3, 3, static_cast<std::uint8_t>(value), 1});
    } else if (word == "mss") {
      result.options.insert(result.options.end(),
                            {2, 4, static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)});
    } else if (word == "sackok") {
      result.options.insert(result.options.end(), {4, 2, 1, 1});
    } else if (word == "sack") {  // one block, 100 bytes from here
      result.options.insert(result.options.end(), {1, 1, 5, 10});
      put32(result.options, receiver_isn + value);
      put32(result.options, receiver_isn + value + 100);
    } else if (word == "ts") {
      result.options.insert(result.options.end(), {1, 1, 8, 10});
      put32(result.options, value);
      put32(result.options, 0);
    } else if (word == "echo") {  // of the `ts` just before
      result.options.resize(result.options.size() - 4);
      put32(result.options, value);
    } else if (word == "tfo") {  // a cookie of so many bytes, a multiple of 4 plus 2
      result.options.insert(result.options.end(), {34, static_cast<std::uint8_t>(2 + value)});
      result.options.resize(result.options.size() + value, 0xc0);
      while (result.options.size() % 4 != 0) result.options.push_back(1);
    } else if (word == "mptcp") {
      result.options.insert(result.options.end(), {30, 4, 0, 1});
    } else {
      ADD_FAILURE() << "no such word: " << word << " in " << text;
    }
  }
  return result;
}

}  // namespace wobble::testing
