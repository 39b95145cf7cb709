#include "daemon/below_ip/packet_code.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstddef>

namespace wobble::daemon {
namespace {

using enum Register;
using enum Width;

constexpr std::uint16_t kIpv4 = 0x0800, kIpv6 = 0x86dd;
constexpr int kMostExtensionHeaders = 4;
constexpr int kV4Fragment = PacketCode::kHeader + 6, kV4Protocol = PacketCode::kHeader + 9;
constexpr int kV4Identification = PacketCode::kHeader + 4;

}  // namespace

void PacketCode::load_packet(int to, int size) {
  code_.move(r1, r6);
  code_.move(r3, r10);
  code_.add(r3, to);
  code_.move(r4, size);
  code_.move(r5, BPF_HDR_START_NET);
  code_.call(BPF_FUNC_skb_load_bytes_relative);
  code_.jump(If::different, r0, 0, pass_);
}

void PacketCode::copy_on_stack(int from, int to, int size) {
  for (int done = 0; done < size; done += 4) {
    code_.load(r2, r10, from + done, u32);
    code_.store(r10, to + done, r2, u32);
  }
}

void PacketCode::clear_stack(int from, int size) {
  for (int done = 0; done < size; done += 8) code_.store(r10, from + done, 0, u64);
}

void PacketCode::load_header(Assembly::Label six) {
  const Assembly::Label four = code_.label();
  code_.load(r2, r6, static_cast<int>(offsetof(__sk_buff, protocol)), u32);
  code_.jump(If::equal, r2, htons(kIpv4), four);
  code_.jump(If::equal, r2, htons(kIpv6), six);
  code_.jump(pass_);
  code_.place(four);
  code_.move(r2, 0);
  load_packet(kHeader, kIpv4Header);
}

void PacketCode::load_v6_header() {
  code_.move(r2, 0);
  load_packet(kHeader, kIpv6Header);
}

void PacketCode::find_v4_transport() {
  const Assembly::Label found = code_.label();
  const Assembly::Label later = code_.label();
  code_.load(r8, r10, kV4Protocol, u8);
  code_.load(r9, r10, kHeader, u8);
  code_.bits_and(r9, 0xf);
  code_.shift_left(r9, 2);
  code_.move(r7, kWhole);
  code_.load(r4, r10, kV4Fragment, u16);
  code_.from_network_16(r4);
  code_.bits_and(r4, 0x3fff);  // more fragments, and the offset
  code_.jump(If::equal, r4, 0, found);
  clear_stack(kDatagram, kDatagramSize);
  copy_on_stack(kV4Source, kDatagram, 4);
  copy_on_stack(kV4Destination, kDatagram + 16, 4);
  code_.load(r3, r10, kV4Identification, u16);
  code_.store(r10, kDatagram + 32, r3, u32);
  code_.bits_and(r4, 0x1fff);
  code_.jump(If::different, r4, 0, later);
  code_.move(r7, kFirstPart);
  code_.jump(found);
  code_.place(later);
  code_.move(r7, kLaterPart);
  code_.place(found);
}

// Extension headers say how long they are in units of 8 bytes, without the first (RFC 8200 4).
void PacketCode::find_v6_transport() {
  const Assembly::Label found = code_.label();
  code_.load(r8, r10, kV6NextHeader, u8);
  code_.move(r9, kIpv6Header);
  code_.move(r7, kWhole);
  for (int i = 0; i < kMostExtensionHeaders; ++i) {
    const Assembly::Label extension = code_.label();
    const Assembly::Label fragment = code_.label();
    const Assembly::Label next = code_.label();
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

void PacketCode::read_v6_fragment(Assembly::Label next) {
  const Assembly::Label later = code_.label();
  code_.move(r2, r9);
  load_packet(kScratch, 8);
  copy_on_stack(kV6Source, kDatagram, 32);
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

void PacketCode::load_ports(Assembly::Label none) {
  const Assembly::Label is_there = code_.label();
  code_.jump(If::equal, r7, kLaterPart, none);
  code_.jump(If::equal, r8, IPPROTO_TCP, is_there);
  code_.jump(If::different, r8, IPPROTO_UDP, none);
  code_.place(is_there);
  code_.move(r2, r9);
  load_packet(kScratch, 4);
}

}  // namespace wobble::daemon
