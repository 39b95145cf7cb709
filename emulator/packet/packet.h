// The one place where bytes are interpreted. parse_packet() looks at an IP packet with every access checked against
// the packet's end, and fills a PacketView of plain numbers; nobody else does arithmetic on header bytes, except what
// mends a packet that was parsed (packet_checksum.h, packet_ecn.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "emulator/packet/address.h"

namespace wobble {

/// The side of a link a device stands on. near: where the program under test is; far: the rest.
enum class Side : std::uint8_t { near, far };

/// up = near to far, down = far to near.
enum class Direction : std::uint8_t { up, down };

constexpr Direction direction_from(Side arrived_on) {
  return arrived_on == Side::near ? Direction::up : Direction::down;
}
constexpr Side destination_of(Direction d) { return d == Direction::up ? Side::far : Side::near; }
constexpr Side opposite(Side s) { return s == Side::near ? Side::far : Side::near; }

/// IANA protocol numbers the emulator looks into.
inline constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpV6 = 58;

constexpr bool is_icmp(std::uint8_t protocol) { return protocol == kIcmp || protocol == kIcmpV6; }

/// TCP header flags, in the positions of RFC 9293 3.1; AE is RFC 9768's.
namespace tcp_flag {
inline constexpr std::uint16_t kFin = 0x001, kSyn = 0x002, kRst = 0x004, kPsh = 0x008, kAck = 0x010, kUrg = 0x020,
                               kEce = 0x040, kCwr = 0x080, kAe = 0x100;
}

/// What is kept of a TCP header, in host order. `length` is the payload's, in bytes, without SYN and FIN.
struct TcpSegment {
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint32_t length = 0;
  std::uint16_t flags = 0;
  std::uint16_t window = 0;  ///< as written; the scale is the tracker's business

  bool has(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }
  /// Sequence space taken: payload plus one each for SYN and FIN (RFC 9293 3.4).
  std::uint32_t sequence_length() const noexcept {
    return length + (has(tcp_flag::kSyn) ? 1 : 0) + (has(tcp_flag::kFin) ? 1 : 0);
  }
};

/// TCP options the tracker uses. What is absent is 0 or false.
struct TcpOptions {
  std::uint16_t mss = 0;
  std::uint8_t window_scale = 0;  ///< as written: more than 14 counts as 14 (RFC 7323 2.3)
  bool has_window_scale = false;
  bool sack_permitted = false;
  bool has_sack_blocks = false;
  bool has_timestamps = false;
  bool fast_open = false;         ///< RFC 7413: the option is there (request or cookie)
  bool fast_open_cookie = false;  ///< and it carries a cookie
  bool multipath = false;         ///< RFC 8684
  bool are_cut = false;           ///< PacketView::has_cut_options: there may have been more of them
  std::uint32_t ts_value = 0;
  std::uint32_t ts_echo = 0;

  bool is_scale_unknown() const noexcept { return are_cut && !has_window_scale; }
};

/// What a receiver has beyond what it acknowledges, or has received twice: [begin, end) (RFC 2018, RFC 2883).
struct SackBlock {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};
struct SackBlocks {
  static constexpr std::size_t kMax = 4;  ///< more do not fit into a header
  std::array<SackBlock, kMax> items{};
  std::size_t count = 0;
};

/// A look at one IP packet as it would be on the wire. Owns nothing: `bytes` must outlive it.
struct PacketView {
  std::span<const std::uint8_t> bytes;  ///< from the IP header to the end of its total length
  std::uint32_t length = 0;             ///< of the packet on the wire: bytes.size(), but see SuperPacket::segment()
  std::uint8_t version = 0;             ///< 4 or 6
  std::uint8_t protocol = 0;            ///< of the transport header, behind IPv6 extension headers
  IpAddress source;
  IpAddress destination;
  bool is_fragment = false;            ///< a part of a larger packet (an IPv6 atomic fragment is not)
  bool has_transport = false;          ///< the transport header is here, whole, and was read
  bool has_cut_options = false;        ///< TCP, out of a capture that left out the last of its options
  std::uint16_t transport_offset = 0;  ///< from the start of `bytes`
  std::uint16_t payload_offset = 0;    ///< behind the transport header; end of `bytes` if there is no payload
  std::uint16_t source_port = 0;       ///< TCP and UDP; for ICMP echo the identifier, in both
  std::uint16_t destination_port = 0;
  TcpSegment tcp;  ///< valid if protocol is kTcp and has_transport

  bool is_tcp() const noexcept { return protocol == kTcp && has_transport; }
  std::span<const std::uint8_t> payload() const noexcept { return bytes.subspan(payload_offset); }
};

/// Why a packet could not be read. Each is counted as "malformed" and dropped.
enum class ParseError : std::uint8_t {
  none,
  empty,              ///< no byte at all
  bad_version,        ///< neither 4 nor 6
  truncated,          ///< ends inside a header or before its total length
  bad_header_length,  ///< IPv4 IHL below 5, TCP data offset below 5, or beyond the packet; UDP length below 8
  bad_offload,        ///< what the device says beside the packet contradicts it
};

/// Reads `bytes` as one IPv4 or IPv6 packet. On success `out` is filled; otherwise `out` is unspecified.
/// Bytes behind the IP total length are ignored (padding). A fragment that is not the first has no transport header.
ParseError parse_packet(std::span<const std::uint8_t> bytes, PacketView& out) noexcept;

/// The TCP header at `at` of a packet that parse_packet() has found whole: what it says of it.
TcpSegment read_tcp_segment(std::span<const std::uint8_t> bytes, std::size_t at) noexcept;

/// The options of a TCP packet; an option that lies about its length ends the list (RFC 9293 3.1).
TcpOptions parse_tcp_options(const PacketView& packet) noexcept;

/// The SACK blocks of a TCP packet, in their order.
SackBlocks parse_sack_blocks(const PacketView& packet) noexcept;

const char* to_string(Side side) noexcept;
const char* to_string(Direction direction) noexcept;
const char* to_string(ParseError error) noexcept;

}  // namespace wobble
