#include "emulator/packet/super_packet.h"

#include <algorithm>
#include <cstring>

#include "emulator/packet/header_sizes.h"
#include "emulator/packet/network_order.h"
#include "emulator/packet/packet_checksum.h"

namespace wobble {
namespace {

std::size_t checksum_offset(const PacketView& packet) noexcept {
  return packet.protocol == kTcp ? kTcpChecksum : kUdpChecksum;
}

/// Whether what the device says fits the packet it says it of.
bool is_true(const Offload& offload, const PacketView& packet) noexcept {
  if (offload.needs_checksum &&
      std::size_t{offload.checksum_start} + offload.checksum_offset + 2 > packet.bytes.size()) {
    return false;
  }
  if (offload.kind == Offload::Kind::none) return true;
  const bool is_right_protocol = packet.has_transport && !packet.is_fragment &&
                                 packet.protocol == (offload.kind == Offload::Kind::tcp ? kTcp : kUdp);
  if (!is_right_protocol || offload.segment_size == 0) return false;
  if (!offload.needs_checksum) return false;  // the kernel never cuts what is already summed
  return offload.checksum_start == packet.transport_offset && offload.checksum_offset == checksum_offset(packet);
}

}  // namespace

ParseError SuperPacket::parse(std::span<const std::uint8_t> bytes, const Offload& offload, SuperPacket& out) noexcept {
  const ParseError error = parse_packet(bytes, out.whole_);
  if (error != ParseError::none) return error;
  if (!is_true(offload, out.whole_)) return ParseError::bad_offload;
  out.count_segments(offload);
  return ParseError::none;
}

ParseError SuperPacket::parse_headers(std::span<const std::uint8_t> bytes, std::uint16_t segment_size,
                                      SuperPacket& out) noexcept {
  const ParseError error = parse_packet(bytes, out.whole_);
  if (error != ParseError::none) return error;
  Offload offload;
  if (segment_size > 0) {
    if (!out.whole_.is_tcp() || out.whole_.is_fragment) return ParseError::bad_offload;
    offload.kind = Offload::Kind::tcp;
    offload.segment_size = segment_size;
    offload.needs_checksum = true;
    offload.checksum_start = out.whole_.transport_offset;
    offload.checksum_offset = kTcpChecksum;
  }
  out.count_segments(offload);
  return ParseError::none;
}

void SuperPacket::count_segments(const Offload& offload) noexcept {
  offload_ = offload;
  count_ = 1;
  if (offload.kind == Offload::Kind::none) return;
  const std::size_t payload = whole_.bytes.size() - whole_.payload_offset;
  const std::size_t segments = (payload + offload.segment_size - 1) / offload.segment_size;
  count_ = static_cast<std::uint32_t>(std::max<std::size_t>(segments, 1));
}

PacketView SuperPacket::segment(std::uint32_t i) const noexcept {
  PacketView view = whole_;
  turn_to(i, view);
  return view;
}

void SuperPacket::turn_to(std::uint32_t i, PacketView& view) const noexcept {
  if (count_ == 1) return;
  const std::uint32_t payload = payload_end(i) - payload_begin(i);
  view.bytes = whole_.bytes.first(whole_.payload_offset);
  view.length = whole_.payload_offset + payload;
  if (view.protocol != kTcp) return;
  view.tcp.seq = whole_.tcp.seq + i * offload_.segment_size;
  view.tcp.length = payload;
  view.tcp.flags = whole_.tcp.flags;
  if (i + 1 < count_) view.tcp.flags &= static_cast<std::uint16_t>(~(tcp_flag::kFin | tcp_flag::kPsh));
  if (i > 0) view.tcp.flags &= static_cast<std::uint16_t>(~tcp_flag::kCwr);
}

PacketView SuperPacket::run(std::uint32_t first, std::uint32_t n) const noexcept {
  PacketView view = segment(first + n - 1);
  view.length = wire_size(first, n);
  if (view.protocol != kTcp || count_ == 1) return view;
  view.tcp.seq = whole_.tcp.seq + first * offload_.segment_size;
  view.tcp.length = payload_end(first + n - 1) - payload_begin(first);
  if (first == 0) view.tcp.flags |= whole_.tcp.flags & tcp_flag::kCwr;
  return view;
}

std::uint32_t SuperPacket::run_size(std::uint32_t first, std::uint32_t n) const noexcept {
  if (count_ == 1) return static_cast<std::uint32_t>(whole_.bytes.size());
  return whole_.payload_offset + payload_end(first + n - 1) - payload_begin(first);
}

std::uint32_t SuperPacket::wire_size(std::uint32_t first, std::uint32_t n) const noexcept {
  return run_size(first, n) + (n - 1) * whole_.payload_offset;
}

Offload SuperPacket::copy_run(std::uint32_t first, std::uint32_t n, std::span<std::uint8_t> out) const noexcept {
  if (n == count_) {
    std::memcpy(out.data(), whole_.bytes.data(), out.size());
    return offload_;
  }
  const std::size_t headers = whole_.payload_offset;
  std::memcpy(out.data(), whole_.bytes.data(), headers);
  std::memcpy(out.data() + headers, whole_.bytes.data() + payload_begin(first), out.size() - headers);
  mend_ip(first, out);
  mend_transport(first, n, out);

  Offload offload = offload_;
  if (n == 1) {
    offload.kind = Offload::Kind::none;
    offload.segment_size = offload.header_length = 0;
  }
  if (first > 0) offload.ecn = false;
  return offload;
}

void SuperPacket::mend_ip(std::uint32_t first, std::span<std::uint8_t> out) const noexcept {
  if (whole_.version == 6) return write16(out, 4, static_cast<std::uint32_t>(out.size() - kIpv6Header));
  write16(out, 2, static_cast<std::uint32_t>(out.size()));
  write16(out, 4, read16(out, 4) + first);
  write_ipv4_header_checksum(out);
}

void SuperPacket::mend_transport(std::uint32_t first, std::uint32_t n, std::span<std::uint8_t> out) const noexcept {
  const std::size_t at = whole_.transport_offset;
  if (whole_.protocol == kTcp) {
    write32(out, at + 4, whole_.tcp.seq + first * offload_.segment_size);
    if (first + n < count_) out[at + 13] &= static_cast<std::uint8_t>(~(tcp_flag::kFin | tcp_flag::kPsh));
    if (first > 0) out[at + 13] &= static_cast<std::uint8_t>(~tcp_flag::kCwr);
  } else {
    write16(out, at + 4, static_cast<std::uint32_t>(out.size() - at));
  }
  PacketView run = whole_;
  run.bytes = out;
  write_partial_checksum(run, out);
}

void complete_checksum(const PacketView& packet, std::span<std::uint8_t> bytes, Offload& offload) noexcept {
  if (!offload.needs_checksum) return;
  write_checksum(packet, bytes);
  offload.needs_checksum = false;
  offload.checksum_start = offload.checksum_offset = 0;
}

}  // namespace wobble
