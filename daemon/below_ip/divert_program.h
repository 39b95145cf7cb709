// The programs that take packets out of an interface's traffic and give them back, below IP: at the traffic control
// hook, where the host is done with a packet that leaves, and has not begun with one that arrives.
//
//   leaving    stack → [interface, egress: divert] → near device → wobbled → far device → [give back] → interface → out
//   arriving   in → [interface, ingress: divert] → far device → wobbled → near device → [give back] → interface → stack
//
// So routing, firewalls, address translation and sockets bound to an interface meet each packet once, as without us.
// What is given back bears a mark until it comes to the same hook for the second time, where the mark is taken off.
//
// What is diverted:
//   Own         what bears one of this host's own addresses at its end: `divert` asks the kernel's routes whether it
//   would
//               forward a packet to that address (bpf_fib_lookup, bpf-helpers(7)), and if so lets it pass. So a packet
//               that is forwarded is not taken at two interfaces, and one that is translated is taken with the host's
//               address.
//   Forwarded   what is forwarded between two interfaces, at the first of them.
//   LocalPort   what is sent to or from a port of the loopback addresses.
// Of Own, multicast and broadcast pass, unless their address is asked for, and so does neighbour discovery (RFC 4861),
// as ARP does, which is no IP. A fragment without ports goes where the first of its datagram went, if that was seen.
//
// What nothing is to happen to stays in the kernel, and only its headers come to us (stay_code.h).
//
// It fails open: when the daemon has not shown for kLongestSilence that it lives, everything passes (or is dropped,
// where that was asked for).
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "daemon/below_ip/bpf.h"

namespace wobble::daemon {

/// On packets that are given back, until they are at their interface again: the upper 16 bits, and a number below them
/// that tells the ways in of one namespace apart. Each takes off its own, and lets the others' pass: what is diverted
/// by one has been given back by it before it meets another.
inline constexpr std::uint32_t kReturningMark = 0x776f'0000;

/// ns. A machine that is busy with ten compilers lets a thread that wants to wake up every 25 ms wait for up to 150 ms;
/// whoever waits for the traffic to flow again is to wait for less than half a second, on such a machine as well.
inline constexpr std::uint64_t kLongestSilence = 300'000'000;

/// What the daemon and the programs of one way in share, in memory. Written without a lock, each field by one of them.
struct DivertShare {
  /// CLOCK_MONOTONIC in ns when the daemon last showed that it lives; 0: it is not ready.
  std::uint64_t beat;
  /// kPass or kDrop: what becomes of packets while it does not.
  std::int32_t in_silence;
  std::int32_t unused[13];

  struct Counters {
    std::uint64_t diverted;
    std::uint64_t passed;    ///< not meant
    std::uint64_t silenced;  ///< met nobody
    std::uint64_t stayed;    ///< of `diverted`: in the kernel
    std::uint64_t unused[4];
  };
  static constexpr std::size_t kMostInterfaces = 120;
  Counters counters[kMostInterfaces][2];  ///< by interface and Hook

  /// One direction at one interface (stay_code.h).
  struct Way {
    std::uint64_t came_up;   ///< packets that were led into our device
    std::uint64_t stays_at;  ///< packets stay in the kernel while came_up is one less; 0: none does
    std::uint64_t unused[6];
  };
  Way ways[kMostInterfaces][2];  ///< by interface and Direction
};
static_assert(sizeof(DivertShare::Counters) == 64);
static_assert(sizeof(DivertShare::Way) == 64);

struct OwnTraffic {
  int into = 0;             ///< the device, by index
  bool is_ethernet = true;  ///< frames have an Ethernet header
};
struct ForwardedTraffic {
  int into = 0;
  int other = 0;  ///< the other interface, by index
};
struct LocalPortTraffic {
  std::uint16_t port = 0;
  int to_port_into = 0;
  int from_port_into = 0;
};

struct Selection {
  std::uint8_t protocol = 0;         ///< of the transport header, ICMP stands for ICMPv6 too; 0: any
  std::vector<std::uint16_t> ports;  ///< of either end, of TCP and UDP; empty: any
  int networks = -1;                 ///< a network map that the other end's address must be in; -1: any
  int recent = -1;                   ///< with ports: make_recent_map(kDatagramKey)
  std::uint16_t spared_port = 0;     ///< a TCP port of this host that is left alone; 0: none
};
inline constexpr std::uint32_t kDatagramKey = 40;

struct DivertProgram {
  Hook hook = Hook::egress;
  std::variant<OwnTraffic, ForwardedTraffic, LocalPortTraffic> traffic;
  Selection selection;
  std::uint32_t mark = kReturningMark;
  int share = -1;                    ///< the map that holds a DivertShare
  int ring = -1;                     ///< a KernelRing's, for packets that may stay in the kernel; -1: none does
  int link_header = 0;               ///< bytes of a frame before its IP header
  std::size_t interface_number = 0;  ///< where its counters are
};

/// The program for an interface's hook.
std::vector<bpf_insn> divert(const DivertProgram& program);

/// The program for the ingress of one of our devices: what comes from it goes to `hook` of the interface, with `mark`;
/// 0 where no program of ours is at that hook, to take it off.
std::vector<bpf_insn> give_back(int interface, Hook hook, std::uint32_t mark);

}  // namespace wobble::daemon
