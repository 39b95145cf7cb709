// What stands before the IP packet in a captured frame.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace wobble::daemon {

enum class FrameContent : std::uint8_t {
  ip,
  other,         ///< ARP, spanning tree, ...
  cut_off,       ///< ends before the IP packet begins
  unknown_link,  ///< of a link type that is not read here
};

/// What a frame holds that is not read: a name, for what has none with its number ("EtherType 0x88f7").
struct UnreadKind {
  const char* what = "";
  std::uint16_t number = 0;

  std::string name() const;
};

/// The IP packet within a frame, as far as it was captured.
struct FramedPacket {
  std::span<const std::uint8_t> bytes;
  std::uint32_t original_length = 0;  ///< of those bytes on the wire, with what pads the frame
  std::uint32_t tags = 0;             ///< VLAN identifiers, outermost first, 12 bits each; 0: none
  std::uint32_t seen_at = 0;          ///< of a cooked frame: which interface, and whether it came or went
  bool is_tunnelled = false;          ///< within another IP packet (tunnels.h)
  UnreadKind unread;                  ///< of FrameContent::other
};

/// Ethernet with any number of VLAN tags, Cisco's security group tag, MPLS, LLC/SNAP and PPPoE; Linux cooked v1 and v2;
/// null and loopback of either byte order; raw IP; PPP and Cisco HDLC; 802.11 that is not encrypted, by itself and
/// behind radiotap, Prism, AVS or PPI; NFLOG. Sources: IEEE 802.3, 802.1Q and 802.11, RFC 1042, 1662, 2516 and 3032,
/// https://www.radiotap.org, https://www.tcpdump.org/linktypes.html.
FrameContent find_packet(std::uint16_t link_type, std::span<const std::uint8_t> frame, std::uint32_t original_length,
                         FramedPacket& out) noexcept;

/// For the error about a link type that is not read.
std::string known_link_types();

}  // namespace wobble::daemon
