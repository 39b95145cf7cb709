#include "daemon/below_ip/divert_program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

#include "daemon/below_ip/assembly.h"

namespace wobble::daemon {
namespace {

using enum Register;
using enum Width;

// The stack, from its end downwards.
constexpr int kRoute = -64;      // struct bpf_fib_lookup
constexpr int kHeader = -104;    // the IP header, 40 bytes
constexpr int kNetwork = -128;   // the key of a network map: a length and 16 bytes
constexpr int kDatagram = -168;  // kDatagramKey: source, destination, identification, protocol
constexpr int kScratch = -176;   // 8 bytes
constexpr int kValue = -180;     // 4 bytes

constexpr std::uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd;
constexpr int kIpv4Header = 20, kIpv6Header = 40;
constexpr int kV4Source = 12, kV4Destination = 16, kV4Fragment = 6, kV4Protocol = 9, kV4Identification = 4;
constexpr int kV6Source = 8, kV6Destination = 24, kV6NextHeader = 6;
constexpr int kMostExtensionHeaders = 4;


// r7: what part of its datagram a packet is.
enum Part : std::int32_t { kWhole, kFirstPart, kLaterPart };

/// Writes one program down. r6 is the packet, r7 its part, r8 the transport protocol, r9 where its header begins.
class Writer {
 public:
  explicit Writer(const DivertProgram& program) : program_(program), pass_(code_.label()), silent_(code_.label()) {}

  std::vector<bpf_insn> write() {
    code_.move(r6, r1);
    take_mark_off();
    look_for_a_beat();
    if (const auto* own = std::get_if<OwnTraffic>(&program_.traffic)) {
      write_own(*own);
    } else if (const auto* forwarded = std::get_if<ForwardedTraffic>(&program_.traffic)) {
      write_forwarded(*forwarded);
    } else {
      write_local_port(std::get<LocalPortTraffic>(program_.traffic));
    }
    write_ends();
    return code_.finish();
  }

 private:
  using Label = Assembly::Label;

  void load_context(Register to, std::size_t field) { code_.load(to, r6, static_cast<int>(field), u32); }
  void store_context(std::size_t field, Register what) { code_.store(r6, static_cast<int>(field), what, u32); }

  void take_mark_off() {
    const Label fresh = code_.label();
    const Label anothers = code_.label();
    load_context(r2, offsetof(__sk_buff, mark));
    code_.move(r3, r2);
    code_.bits_and(r3, static_cast<std::int32_t>(0xffff'0000));
    code_.jump(If::different, r3, static_cast<std::int32_t>(kReturningMark), fresh);
    code_.jump(If::different, r2, static_cast<std::int32_t>(program_.mark), anothers);
    code_.move(r2, 0);
    store_context(offsetof(__sk_buff, mark), r2);
    code_.place(anothers);
    answer(kPass);
    code_.place(fresh);
  }

  void look_for_a_beat() {
    code_.load_map_value(r7, program_.share, 0);
    code_.load(r8, r7, offsetof(DivertShare, beat), u64);
    code_.call(BPF_FUNC_ktime_get_ns);
    code_.subtract(r0, r8);
    code_.jump(If::above, r0, kLongestSilence, silent_);
  }

  void count(std::size_t field) {
    const std::size_t at = offsetof(DivertShare, counters) +
                           (program_.interface_number * 2 + static_cast<std::size_t>(program_.hook)) *
                               sizeof(DivertShare::Counters);
    code_.load_map_value(r1, program_.share, static_cast<std::uint32_t>(at + field));
    code_.move(r2, 1);
    code_.atomic_add(r1, 0, r2);
  }

  void answer(int verdict) {
    code_.move(r0, verdict);
    code_.exit();
  }

  void divert_into(int device) {
    count(offsetof(DivertShare::Counters, diverted));
    code_.move(r1, device);
    code_.move(r2, 0);
    code_.call(BPF_FUNC_redirect);
    code_.exit();
  }

  void write_ends() {
    code_.place(silent_);
    count(offsetof(DivertShare::Counters, silenced));
    code_.load_map_value(r7, program_.share, 0);
    code_.load(r0, r7, offsetof(DivertShare, in_silence), u32);
    code_.exit();
    code_.place(pass_);
    count(offsetof(DivertShare::Counters, passed));
    answer(kPass);
  }

  /// `size` bytes from r2 on, counted from the IP header, come to `to` on the stack.
  void load_packet(int to, int size) {
    code_.move(r1, r6);
    code_.move(r3, r10);
    code_.add(r3, to);
    code_.move(r4, size);
    code_.move(r5, BPF_HDR_START_NET);
    code_.call(BPF_FUNC_skb_load_bytes_relative);
    code_.jump(If::different, r0, 0, pass_);
  }

  void copy_on_stack(int from, int to, int size) {
    for (int done = 0; done < size; done += 4) {
      code_.load(r2, r10, from + done, u32);
      code_.store(r10, to + done, r2, u32);
    }
  }

  void clear_stack(int from, int size) {
    for (int done = 0; done < size; done += 8) code_.store(r10, from + done, 0, u64);
  }

  /// Goes on with an IPv4 header, or at `six` with an IPv6 header, on the stack.
  void load_header(Label six) {
    const Label four = code_.label();
    load_context(r2, offsetof(__sk_buff, protocol));
    code_.jump(If::equal, r2, htons(kIpv4), four);
    code_.jump(If::equal, r2, htons(kIpv6), six);
    code_.jump(pass_);
    code_.place(four);
    code_.move(r2, 0);
    load_packet(kHeader, kIpv4Header);
  }

  void load_v6_header() {
    code_.move(r2, 0);
    load_packet(kHeader, kIpv6Header);
  }

  /// Asks the kernel's routes about a packet from one address on the stack to the other; the answer is in r0.
  void ask_for_route(bool is_v4, int source, int destination) {
    clear_stack(kRoute, sizeof(bpf_fib_lookup));
    const auto field = [](std::size_t offset) { return kRoute + static_cast<int>(offset); };
    code_.store(r10, field(offsetof(bpf_fib_lookup, family)), is_v4 ? AF_INET : AF_INET6, u8);
    load_context(r2, offsetof(__sk_buff, ifindex));
    code_.store(r10, field(offsetof(bpf_fib_lookup, ifindex)), r2, u32);
    copy_on_stack(source, field(offsetof(bpf_fib_lookup, ipv4_src)), is_v4 ? 4 : 16);
    copy_on_stack(destination, field(offsetof(bpf_fib_lookup, ipv4_dst)), is_v4 ? 4 : 16);
    code_.move(r1, r6);
    code_.move(r2, r10);
    code_.add(r2, kRoute);
    code_.move(r3, sizeof(bpf_fib_lookup));
    code_.move(r4, 0);
    code_.call(BPF_FUNC_fib_lookup);
  }

  /// Passes what a router would send on if it came for this host's end.
  void require_own(bool is_v4) {
    const Label own = code_.label();
    const bool leaves = program_.hook == Hook::egress;
    const int source = kHeader + (is_v4 ? kV4Source : kV6Source);
    const int destination = kHeader + (is_v4 ? kV4Destination : kV6Destination);
    ask_for_route(is_v4, leaves ? destination : source, leaves ? source : destination);
    code_.jump(If::equal, r0, BPF_FIB_LKUP_RET_NOT_FWDED, own);
    code_.jump(If::different, r0, BPF_FIB_LKUP_RET_FWD_DISABLED, pass_);
    code_.place(own);
  }

  /// Passes what is from or to another network than those that are selected.
  void require_network(bool is_v4, int address) {
    if (program_.selection.networks < 0) return;
    code_.store(r10, kNetwork, 128, u32);
    if (is_v4) {
      code_.store(r10, kNetwork + 4, 0, u32);
      code_.store(r10, kNetwork + 8, 0, u32);
      code_.store(r10, kNetwork + 12, static_cast<std::int32_t>(htonl(0xffff)), u32);
      copy_on_stack(address, kNetwork + 16, 4);
    } else {
      copy_on_stack(address, kNetwork + 4, 16);
    }
    code_.load_map(r1, program_.selection.networks);
    code_.move(r2, r10);
    code_.add(r2, kNetwork);
    code_.call(BPF_FUNC_map_lookup_elem);
    code_.jump(If::equal, r0, 0, pass_);
  }

  /// With the header on the stack: goes on if the packet's addresses are meant.
  void require_addresses(bool is_v4, bool is_ethernet) {
    const Label group = code_.label();
    const Label done = code_.label();
    const int source = kHeader + (is_v4 ? kV4Source : kV6Source);
    const int destination = kHeader + (is_v4 ? kV4Destination : kV6Destination);
    code_.load(r2, r10, destination, u8);
    if (is_v4) {
      code_.jump(If::at_least, r2, 224, group);  // 224.0.0.0/4 multicast, 255.255.255.255
    } else {
      code_.jump(If::equal, r2, 0xff, group);
    }
    if (is_ethernet) {  // a subnet's broadcast is one by its frame
      code_.move(r1, r6);
      code_.move(r2, 0);
      code_.move(r3, r10);
      code_.add(r3, kScratch);
      code_.move(r4, 1);
      code_.call(BPF_FUNC_skb_load_bytes);
      code_.jump(If::different, r0, 0, pass_);
      code_.load(r2, r10, kScratch, u8);
      code_.jump(If::any_bit, r2, 1, group);
    }
    require_own(is_v4);
    require_network(is_v4, program_.hook == Hook::egress ? destination : source);
    code_.jump(done);
    code_.place(group);
    if (program_.selection.networks < 0) {
      code_.jump(pass_);
    } else {
      require_network(is_v4, destination);
    }
    code_.place(done);
  }

  void pass_neighbour_discovery() {
    constexpr int kFirst = 133, kLast = 137;  // ICMPv6 types of RFC 4861
    const Label other = code_.label();
    code_.load(r2, r10, kHeader + kV6NextHeader, u8);
    code_.jump(If::different, r2, IPPROTO_ICMPV6, other);
    code_.move(r2, kIpv6Header);
    load_packet(kScratch, 1);
    code_.load(r2, r10, kScratch, u8);
    code_.jump(If::below, r2, kFirst, other);
    code_.jump(If::above, r2, kLast, other);
    code_.jump(pass_);
    code_.place(other);
  }

  bool looks_at_transport() const {
    const Selection& s = program_.selection;
    return s.protocol != 0 || !s.ports.empty() || s.spared_port != 0;
  }

  void find_v4_transport() {
    const Label found = code_.label();
    const Label later = code_.label();
    code_.load(r8, r10, kHeader + kV4Protocol, u8);
    code_.load(r9, r10, kHeader, u8);
    code_.bits_and(r9, 0xf);
    code_.shift_left(r9, 2);
    code_.move(r7, kWhole);
    code_.load(r2, r10, kHeader + kV4Fragment, u16);
    code_.from_network_16(r2);
    code_.bits_and(r2, 0x3fff);  // more fragments, and the offset
    code_.jump(If::equal, r2, 0, found);
    clear_stack(kDatagram, kDatagramKey);
    copy_on_stack(kHeader + kV4Source, kDatagram, 4);
    copy_on_stack(kHeader + kV4Destination, kDatagram + 16, 4);
    code_.load(r3, r10, kHeader + kV4Identification, u16);
    code_.store(r10, kDatagram + 32, r3, u32);
    code_.bits_and(r2, 0x1fff);
    code_.jump(If::different, r2, 0, later);
    code_.move(r7, kFirstPart);
    code_.jump(found);
    code_.place(later);
    code_.move(r7, kLaterPart);
    code_.place(found);
  }

  // Extension headers say how long they are in units of 8 bytes, without the first (RFC 8200 4).
  void find_v6_transport() {
    const Label found = code_.label();
    code_.load(r8, r10, kHeader + kV6NextHeader, u8);
    code_.move(r9, kIpv6Header);
    code_.move(r7, kWhole);
    for (int i = 0; i < kMostExtensionHeaders; ++i) {
      const Label extension = code_.label();
      const Label fragment = code_.label();
      const Label next = code_.label();
      code_.jump(If::equal, r8, IPPROTO_FRAGMENT, fragment);
      for (const int kind : {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS}) {
        code_.jump(If::equal, r8, kind, extension);
      }
      code_.jump(found);
      code_.place(extension);
      code_.move(r2, r9);
      load_packet(kScratch, 2);
      code_.load(r8, r10, kScratch, u8);
      code_.load(r2, r10, kScratch + 1, u8);
      code_.add(r2, 1);
      code_.shift_left(r2, 3);
      code_.add(r9, r2);
      code_.jump(next);
      code_.place(fragment);
      read_v6_fragment(next);
      code_.place(next);
    }
    code_.place(found);
  }

  void read_v6_fragment(Label next) {
    const Label later = code_.label();
    code_.move(r2, r9);
    load_packet(kScratch, 8);
    copy_on_stack(kHeader + kV6Source, kDatagram, 32);
    copy_on_stack(kScratch + 4, kDatagram + 32, 4);
    code_.store(r10, kDatagram + 36, 0, u32);
    code_.load(r8, r10, kScratch, u8);
    code_.add(r9, 8);
    code_.load(r2, r10, kScratch + 2, u16);
    code_.from_network_16(r2);
    code_.move(r3, r2);
    code_.bits_and(r3, 0xfff8);
    code_.jump(If::different, r3, 0, later);
    code_.bits_and(r2, 1);
    code_.jump(If::equal, r2, 0, next);
    code_.move(r7, kFirstPart);
    code_.jump(next);
    code_.place(later);
    code_.move(r7, kLaterPart);
  }

  /// Goes on with TCP's or UDP's ports on the stack, in their order; at `none` if there are none here.
  void load_ports(Label none) {
    const Label is_there = code_.label();
    code_.jump(If::equal, r7, kLaterPart, none);
    code_.jump(If::equal, r8, IPPROTO_TCP, is_there);
    code_.jump(If::different, r8, IPPROTO_UDP, none);
    code_.place(is_there);
    code_.move(r2, r9);
    load_packet(kScratch, 4);
  }

  void require_transport() {
    const Selection& s = program_.selection;
    if (s.protocol != 0) {
      const Label meant = code_.label();
      if (s.protocol == IPPROTO_ICMP) code_.jump(If::equal, r8, IPPROTO_ICMPV6, meant);
      code_.jump(If::different, r8, s.protocol, pass_);
      code_.place(meant);
    }
    if (s.spared_port != 0) spare_port(s.spared_port);
    if (!s.ports.empty()) require_port();
  }

  void spare_port(std::uint16_t port) {
    const Label other = code_.label();
    code_.jump(If::different, r8, IPPROTO_TCP, other);
    load_ports(other);
    const int own = program_.hook == Hook::egress ? kScratch : kScratch + 2;
    code_.load(r2, r10, own, u16);
    code_.jump(If::equal, r2, htons(port), pass_);
    code_.place(other);
  }

  void require_port() {
    const Label without = code_.label();
    const Label meant = code_.label();
    const Label done = code_.label();
    load_ports(without);
    code_.load(r2, r10, kScratch, u16);
    code_.load(r3, r10, kScratch + 2, u16);
    for (const std::uint16_t port : program_.selection.ports) {
      code_.jump(If::equal, r2, htons(port), meant);
      code_.jump(If::equal, r3, htons(port), meant);
    }
    code_.jump(pass_);
    code_.place(without);
    code_.jump(If::different, r7, kLaterPart, pass_);
    ask_for_datagram(BPF_FUNC_map_lookup_elem);
    code_.jump(If::equal, r0, 0, pass_);
    code_.jump(done);
    code_.place(meant);
    code_.jump(If::different, r7, kFirstPart, done);
    ask_for_datagram(BPF_FUNC_map_update_elem);
    code_.place(done);
  }

  void ask_for_datagram(int helper) {
    code_.store(r10, kDatagram + 36, r8, u8);
    code_.store(r10, kValue, 1, u32);
    code_.load_map(r1, program_.selection.recent);
    code_.move(r2, r10);
    code_.add(r2, kDatagram);
    code_.move(r3, r10);
    code_.add(r3, kValue);
    code_.move(r4, BPF_ANY);
    code_.call(helper);
  }

  void write_own(const OwnTraffic& own) {
    const Label six = code_.label();
    const Label meant = code_.label();
    load_header(six);
    require_addresses(true, own.is_ethernet);
    if (looks_at_transport()) find_v4_transport();
    code_.jump(meant);
    code_.place(six);
    load_v6_header();
    pass_neighbour_discovery();
    require_addresses(false, own.is_ethernet);
    if (looks_at_transport()) find_v6_transport();
    code_.place(meant);
    if (looks_at_transport()) require_transport();
    divert_into(own.into);
  }

  void write_forwarded(const ForwardedTraffic& forwarded) {
    if (program_.hook == Hook::egress) {
      load_context(r2, offsetof(__sk_buff, ingress_ifindex));
      code_.jump(If::different, r2, forwarded.other, pass_);
      return divert_into(forwarded.into);
    }
    const Label six = code_.label();
    const Label asked = code_.label();
    load_header(six);
    ask_for_route(true, kHeader + kV4Source, kHeader + kV4Destination);
    code_.jump(asked);
    code_.place(six);
    load_v6_header();
    ask_for_route(false, kHeader + kV6Source, kHeader + kV6Destination);
    code_.place(asked);
    const Label forwards = code_.label();
    code_.jump(If::equal, r0, BPF_FIB_LKUP_RET_SUCCESS, forwards);
    code_.jump(If::below, r0, BPF_FIB_LKUP_RET_UNSUPP_LWT, pass_);  // it goes no further, or it is for this host
    code_.jump(If::above, r0, BPF_FIB_LKUP_RET_FRAG_NEEDED, pass_);
    code_.place(forwards);
    code_.load(r2, r10, kRoute + static_cast<int>(offsetof(bpf_fib_lookup, ifindex)), u32);
    code_.jump(If::different, r2, forwarded.other, pass_);
    divert_into(forwarded.into);
  }

  void require_loopback(bool is_v4, int address, Label other) {
    if (is_v4) {
      code_.load(r2, r10, address, u8);
      return code_.jump(If::different, r2, 127, other);
    }
    for (int word = 0; word < 4; ++word) {
      code_.load(r2, r10, address + 4 * word, u32);
      code_.jump(If::different, r2, word < 3 ? 0 : static_cast<std::int32_t>(htonl(1)), other);
    }
  }

  void write_local_port(const LocalPortTraffic& local) {
    const Label six = code_.label();
    load_header(six);
    find_v4_transport();
    divert_local_port(local, true);
    code_.place(six);
    load_v6_header();
    find_v6_transport();
    divert_local_port(local, false);
  }

  void divert_local_port(const LocalPortTraffic& local, bool is_v4) {
    const Label not_to = code_.label();
    code_.jump(If::different, r8, program_.selection.protocol, pass_);
    load_ports(pass_);
    require_loopback(is_v4, kHeader + (is_v4 ? kV4Destination : kV6Destination), not_to);
    code_.load(r2, r10, kScratch + 2, u16);
    code_.jump(If::different, r2, htons(local.port), not_to);
    divert_into(local.to_port_into);
    code_.place(not_to);
    require_loopback(is_v4, kHeader + (is_v4 ? kV4Source : kV6Source), pass_);
    code_.load(r2, r10, kScratch, u16);
    code_.jump(If::different, r2, htons(local.port), pass_);
    divert_into(local.from_port_into);
  }

  const DivertProgram& program_;
  Assembly code_;
  Label pass_;
  Label silent_;
};

}  // namespace

std::vector<bpf_insn> divert(const DivertProgram& program) { return Writer(program).write(); }

std::vector<bpf_insn> give_back(int interface, Hook hook, std::uint32_t mark) {
  Assembly code;
  if (mark != 0) {
    code.move(r2, static_cast<std::int32_t>(mark));
    code.store(r1, static_cast<int>(offsetof(__sk_buff, mark)), r2, u32);
  }
  code.move(r1, interface);
  code.move(r2, hook == Hook::ingress ? static_cast<int>(BPF_F_INGRESS) : 0);
  code.call(BPF_FUNC_redirect);
  code.exit();
  return code.finish();
}

}  // namespace wobble::daemon
