// ICMP errors about TCP (RFC 792, RFC 4443), as their receiver sees them: which segment of its own they quote, and what
// they say of it. Bytes are read with packet.cpp's rule: nothing before its place was compared with the packet's end.
#pragma once

#include <optional>

#include "emulator/packet/packet.h"

namespace wobble {

/// One ICMP error that quotes a TCP segment.
struct IcmpError {
  /// The quoted segment, of which an error need hold no more than this: version, protocol, addresses, ports and
  /// tcp.seq.
  PacketView about;
  /// Port or protocol unreachable: a host was reached, and says that nobody is there.
  bool is_refusal = false;
  /// Linux forgets a connection that it has answered and that is not open yet (a request) at some errors only: for
  /// IPv4 network and host unreachable, time exceeded and parameter problem (tcp_v4_err), for IPv6 port unreachable,
  /// prohibited and parameter problem (icmpv6_err_convert). Elsewhere than there, a hint.
  bool ends_request = false;
};

/// Nothing if `packet` is no ICMP or ICMPv6 error that a TCP connection would hear of: another message, a fragment, one
/// that quotes too little or no TCP; fragmentation needed and packet too big (they end nothing), redirect, source
/// quench.
std::optional<IcmpError> parse_icmp_error(const PacketView& packet) noexcept;

}  // namespace wobble
