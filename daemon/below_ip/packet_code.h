// The part of a program for a hook that reads a packet: its IP header, where its transport header begins, and its
// ports; each comes to a place on the stack or into a register. What cannot be read passes.
//
//   r6  the packet (set by the caller)     r8  its transport protocol
//   r7  what part of its datagram it is    r9  where its transport header begins, from the IP header
#pragma once

#include "daemon/below_ip/assembly.h"

namespace wobble::daemon {

/// r7.
enum DatagramPart : std::int32_t { kWhole, kFirstPart, kLaterPart };

class PacketCode {
 public:
  // On the stack, from its end downwards; below kDatagram - 16 it is the caller's.
  static constexpr int kHeader = -40;    ///< the IP header
  static constexpr int kScratch = -48;   ///< 8 bytes; the ports, in their order
  static constexpr int kDatagram = -88;  ///< source, destination, identification, protocol: of a part of a datagram
  static constexpr int kDatagramSize = 40;
  static constexpr int kEnd = kDatagram;

  static constexpr int kV4Source = kHeader + 12, kV4Destination = kHeader + 16;
  static constexpr int kV6Source = kHeader + 8, kV6Destination = kHeader + 24, kV6NextHeader = kHeader + 6;
  static constexpr int kIpv4Header = 20, kIpv6Header = 40;

  /// Both must outlive it.
  PacketCode(Assembly& code, Assembly::Label pass) : code_(code), pass_(pass) {}

  /// Goes on with an IPv4 header on the stack, or at `six`, where load_v6_header() is to follow.
  void load_header(Assembly::Label six);
  void load_v6_header();
  /// `size` bytes from r2 on, counted from the IP header, come to `to` on the stack.
  void load_packet(int to, int size);

  /// With the header on the stack; r7, r8, r9, and kDatagram for a part of a datagram.
  void find_v4_transport();
  void find_v6_transport();
  /// Goes on with TCP's or UDP's ports in kScratch; at `none` if there are none here.
  void load_ports(Assembly::Label none);

  void copy_on_stack(int from, int to, int size);
  void clear_stack(int from, int size);

 private:
  void read_v6_fragment(Assembly::Label next);

  Assembly& code_;
  Assembly::Label pass_;
};

}  // namespace wobble::daemon
