// Sizes of the headers the emulator reads and writes, in bytes, and where their checksums stand.
#pragma once

#include <cstdint>

namespace wobble {

inline constexpr std::uint32_t kIpv4Header = 20;  ///< without options
inline constexpr std::uint32_t kIpv6Header = 40;  ///< without extension headers
inline constexpr std::uint32_t kTcpHeader = 20;   ///< without options
inline constexpr std::uint32_t kUdpHeader = 8;
/// Also of every ICMPv6 message in use: 4 bytes and a body of at least 4.
inline constexpr std::uint32_t kIcmpHeader = 8;
inline constexpr std::uint16_t kTcpChecksum = 16, kUdpChecksum = 6;  ///< from the start of the transport header
inline constexpr std::uint32_t kMaxIpPacket = 65'535;

/// Protocol numbers of IPv6's extension headers (RFC 8200 4, RFC 4302).
namespace extension_header {
inline constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragment = 44, kAuthentication = 51,
                              kDestinationOptions = 60;
}

}  // namespace wobble
