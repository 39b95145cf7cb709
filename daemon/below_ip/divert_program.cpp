#include "daemon/below_ip/divert_program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

#include "daemon/below_ip/assembly.h"
#include "daemon/below_ip/packet_code.h"
#include "daemon/below_ip/stay_code.h"

namespace wobble::daemon {
namespace {

using enum Register;
using enum Width;

// The stack below what PacketCode has of it.
constexpr int kRoute = PacketCode::kEnd - 64;  // struct bpf_fib_lookup
constexpr int kNetwork = kRoute - 24;          // a NetworkKey
constexpr int kNetworkAddress = kNetwork + static_cast<int>(offsetof(NetworkKey, address));
static_assert(sizeof(NetworkKey) == 24);
constexpr int kValue = kNetwork - 8;  // 4 bytes
constexpr int kHeader = PacketCode::kHeader, kScratch = PacketCode::kScratch, kDatagram = PacketCode::kDatagram;
static_assert(kDatagramKey == PacketCode::kDatagramSize);

int source_of(bool is_v4) { return is_v4 ? PacketCode::kV4Source : PacketCode::kV6Source; }
int destination_of(bool is_v4) { return is_v4 ? PacketCode::kV4Destination : PacketCode::kV6Destination; }

/// Writes one program down, around what reads the packet (packet_code.h).
class Writer {
 public:
  explicit Writer(const DivertProgram& program)
      : program_(program), pass_(code_.label()), silent_(code_.label()), packet_(code_, pass_) {}

  std::vector<bpf_insn> write() {
    code_.move(r6, r1);
    take_mark_off();
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

  void add_one(std::size_t at) {
    code_.load_map_value(r1, program_.share, static_cast<std::uint32_t>(at));
    code_.move(r2, 1);
    code_.atomic_add(r1, 0, r2);
  }

  void count(std::size_t field) {
    add_one(offsetof(DivertShare, counters) +
            (program_.interface_number * 2 + static_cast<std::size_t>(program_.hook)) * sizeof(DivertShare::Counters) +
            field);
  }

  void answer(int verdict) {
    code_.move(r0, verdict);
    code_.exit();
  }

  void divert_into(int device, Direction direction) {
    look_for_a_beat();
    count(offsetof(DivertShare::Counters, diverted));
    const std::size_t way =
        offsetof(DivertShare, ways) +
        (program_.interface_number * 2 + static_cast<std::size_t>(direction)) * sizeof(DivertShare::Way);
    if (program_.ring >= 0) {
      const Label comes_up = code_.label();
      write_stay(code_, {program_.share, way, program_.ring, program_.link_header, direction}, comes_up);
      count(offsetof(DivertShare::Counters, stayed));
      answer(kPass);
      code_.place(comes_up);
      add_one(way + offsetof(DivertShare::Way, came_up));
    }
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

  /// Asks the kernel's routes about a packet from one address on the stack to the other; the answer is in r0.
  void ask_for_route(bool is_v4, int source, int destination) {
    packet_.clear_stack(kRoute, sizeof(bpf_fib_lookup));
    const auto field = [](std::size_t offset) { return kRoute + static_cast<int>(offset); };
    code_.store(r10, field(offsetof(bpf_fib_lookup, family)), is_v4 ? AF_INET : AF_INET6, u8);
    load_context(r2, offsetof(__sk_buff, ifindex));
    code_.store(r10, field(offsetof(bpf_fib_lookup, ifindex)), r2, u32);
    packet_.copy_on_stack(source, field(offsetof(bpf_fib_lookup, ipv4_src)), is_v4 ? 4 : 16);
    packet_.copy_on_stack(destination, field(offsetof(bpf_fib_lookup, ipv4_dst)), is_v4 ? 4 : 16);
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
    const int source = source_of(is_v4);
    const int destination = destination_of(is_v4);
    ask_for_route(is_v4, leaves ? destination : source, leaves ? source : destination);
    code_.jump(If::equal, r0, BPF_FIB_LKUP_RET_NOT_FWDED, own);
    code_.jump(If::different, r0, BPF_FIB_LKUP_RET_FWD_DISABLED, pass_);
    code_.place(own);
  }

  /// Passes what is from or to another network than those that are selected.
  void require_network(bool is_v4, int address) {
    if (program_.selection.networks < 0) return;
    code_.store(r10, kNetwork, static_cast<std::int32_t>(NetworkKey::kWhole), u32);
    code_.store(r10, kNetwork + 4, static_cast<std::int32_t>(is_v4 ? NetworkKey::kV4 : NetworkKey::kV6), u32);
    if (is_v4) {
      code_.store(r10, kNetworkAddress, 0, u32);
      code_.store(r10, kNetworkAddress + 4, 0, u32);
      code_.store(r10, kNetworkAddress + 8, static_cast<std::int32_t>(htonl(0xffff)), u32);
      packet_.copy_on_stack(address, kNetworkAddress + 12, 4);
    } else {
      packet_.copy_on_stack(address, kNetworkAddress, 16);
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
    const int source = source_of(is_v4);
    const int destination = destination_of(is_v4);
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
    code_.load(r2, r10, PacketCode::kV6NextHeader, u8);
    code_.jump(If::different, r2, IPPROTO_ICMPV6, other);
    code_.move(r2, PacketCode::kIpv6Header);
    packet_.load_packet(kScratch, 1);
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
    packet_.load_ports(other);
    const int own = program_.hook == Hook::egress ? kScratch : kScratch + 2;
    code_.load(r2, r10, own, u16);
    code_.jump(If::equal, r2, htons(port), pass_);
    code_.place(other);
  }

  void require_port() {
    const Label without = code_.label();
    const Label meant = code_.label();
    const Label done = code_.label();
    packet_.load_ports(without);
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
    packet_.load_header(six);
    divert_own(true, own);
    code_.place(six);
    packet_.load_v6_header();
    pass_neighbour_discovery();
    divert_own(false, own);
  }

  // What is cheap to ask comes first: most packets are often not meant.
  void divert_own(bool is_v4, const OwnTraffic& own) {
    if (looks_at_transport()) {
      is_v4 ? packet_.find_v4_transport() : packet_.find_v6_transport();
      require_transport();
    }
    require_addresses(is_v4, own.is_ethernet);
    divert_into(own.into, program_.hook == Hook::egress ? Direction::up : Direction::down);
  }

  void write_forwarded(const ForwardedTraffic& forwarded) {
    if (program_.hook == Hook::egress) {
      load_context(r2, offsetof(__sk_buff, ingress_ifindex));
      code_.jump(If::different, r2, forwarded.other, pass_);
      return divert_into(forwarded.into, Direction::down);
    }
    const Label six = code_.label();
    const Label asked = code_.label();
    packet_.load_header(six);
    ask_for_route(true, source_of(true), destination_of(true));
    code_.jump(asked);
    code_.place(six);
    packet_.load_v6_header();
    ask_for_route(false, source_of(false), destination_of(false));
    code_.place(asked);
    const Label forwards = code_.label();
    code_.jump(If::equal, r0, BPF_FIB_LKUP_RET_SUCCESS, forwards);
    code_.jump(If::below, r0, BPF_FIB_LKUP_RET_UNSUPP_LWT, pass_);  // it goes no further, or it is for this host
    code_.jump(If::above, r0, BPF_FIB_LKUP_RET_FRAG_NEEDED, pass_);
    code_.place(forwards);
    code_.load(r2, r10, kRoute + static_cast<int>(offsetof(bpf_fib_lookup, ifindex)), u32);
    code_.jump(If::different, r2, forwarded.other, pass_);
    divert_into(forwarded.into, Direction::up);
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
    packet_.load_header(six);
    packet_.find_v4_transport();
    divert_local_port(local, true);
    code_.place(six);
    packet_.load_v6_header();
    packet_.find_v6_transport();
    divert_local_port(local, false);
  }

  void divert_local_port(const LocalPortTraffic& local, bool is_v4) {
    const Label not_to = code_.label();
    code_.jump(If::different, r8, program_.selection.protocol, pass_);
    packet_.load_ports(pass_);
    require_loopback(is_v4, destination_of(is_v4), not_to);
    code_.load(r2, r10, kScratch + 2, u16);
    code_.jump(If::different, r2, htons(local.port), not_to);
    divert_into(local.to_port_into, Direction::up);
    code_.place(not_to);
    require_loopback(is_v4, source_of(is_v4), pass_);
    code_.load(r2, r10, kScratch, u16);
    code_.jump(If::different, r2, htons(local.port), pass_);
    divert_into(local.from_port_into, Direction::down);
  }

  const DivertProgram& program_;
  Assembly code_;
  Label pass_;
  Label silent_;
  PacketCode packet_;
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
