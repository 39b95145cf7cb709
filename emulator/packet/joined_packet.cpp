#include "emulator/packet/joined_packet.h"

#include <algorithm>
#include <cstring>

#include "emulator/packet/header_sizes.h"
#include "emulator/packet/network_order.h"
#include "emulator/packet/packet_checksum.h"

namespace wobble {
namespace {

constexpr std::size_t kTcpFlags = 13;  // from the transport header
constexpr std::uint16_t kEnding = tcp_flag::kFin | tcp_flag::kPsh;
constexpr std::uint16_t kNeverJoined = tcp_flag::kSyn | tcp_flag::kRst | tcp_flag::kUrg | tcp_flag::kCwr;

using Bytes = JoinedPacket::Bytes;

bool is_equal(Bytes a, Bytes b, std::size_t from, std::size_t to) noexcept {
  return std::memcmp(a.data() + from, b.data() + from, to - from) == 0;
}

bool is_ipv4_sum_right(Bytes header) noexcept {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < kIpv4Header; at += 2) sum += read16(header, at);
  sum = (sum & 0xffff) + (sum >> 16);
  return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/// The transport checksum will be, or is, right.
bool has_sum(const PacketView& view, const Offload& offload) noexcept {
  const std::size_t offset = view.protocol == kTcp ? kTcpChecksum : kUdpChecksum;
  if (offload.needs_checksum) {
    return offload.checksum_start == view.transport_offset && offload.checksum_offset == offset;
  }
  if (view.protocol == kUdp && read16(view.bytes, view.transport_offset + kUdpChecksum) == 0) return false;
  return is_checksum_right(view);
}

}  // namespace

JoinedPacket::Shape JoinedPacket::shape_of(Bytes bytes, const Offload& offload) noexcept {
  Shape shape;
  SuperPacket packet;
  if (SuperPacket::parse(bytes, offload, packet) != ParseError::none) return shape;
  PacketView& view = shape.view = packet.whole();
  const bool is_v4 = view.version == 4;
  if (!view.has_transport || view.is_fragment || view.bytes.size() != bytes.size()) return shape;
  if (view.transport_offset != (is_v4 ? kIpv4Header : kIpv6Header)) return shape;
  if (view.protocol != kTcp && view.protocol != kUdp) return shape;
  if (is_v4 && !is_ipv4_sum_right(bytes)) return shape;

  shape.payload = static_cast<std::uint32_t>(bytes.size() - view.payload_offset);
  if (shape.payload == 0) return shape;
  shape.segments = packet.count();
  shape.segment_size = offload.kind == Offload::Kind::none ? shape.payload : offload.segment_size;
  shape.identification = is_v4 ? read16(bytes, 4) : std::uint16_t{0};
  shape.is_ended = shape.payload % shape.segment_size != 0;
  if (view.protocol == kTcp) {
    if (!view.tcp.has(tcp_flag::kAck) || view.tcp.has(kNeverJoined)) return shape;
    shape.is_ended = shape.is_ended || view.tcp.has(kEnding);
  } else if (read16(bytes, view.transport_offset + 4) != kUdpHeader + shape.payload) {
    return shape;
  }
  shape.is_joinable = has_sum(view, offload);
  return shape;
}

/// Everything that must be alike is, wherever in the flow the two stand.
bool JoinedPacket::is_same_flow(const Shape& a, const Shape& b) noexcept {
  if (a.view.version != b.view.version || a.view.protocol != b.view.protocol) return false;
  if (a.view.payload_offset != b.view.payload_offset) return false;
  const Bytes x = a.view.bytes, y = b.view.bytes;
  const std::size_t at = a.view.transport_offset;
  if (a.view.version == 4) {  // 0 version, TOS | 2 length | 4 identification | 6 fragment, TTL, protocol | 10 sum | 12
    if (!is_equal(x, y, 0, 2) || !is_equal(x, y, 6, 10) || !is_equal(x, y, 12, at + 4)) return false;
  } else {  // 0 version, class, label | 4 length | 6 next header, hop limit, addresses
    if (!is_equal(x, y, 0, 4) || !is_equal(x, y, 6, at + 4)) return false;
  }
  if (a.view.protocol == kUdp) return true;
  // 4 sequence | 8 acknowledgment | 12 data offset, AE | 13 flags | 14 window | 16 sum | 18 urgent, options
  return is_equal(x, y, at + 8, at + kTcpFlags) && ((x[at + kTcpFlags] ^ y[at + kTcpFlags]) & ~kEnding) == 0 &&
         is_equal(x, y, at + 14, at + kTcpChecksum) && is_equal(x, y, at + 18, a.view.payload_offset);
}

void JoinedPacket::begin(Bytes bytes, const Offload& offload) noexcept {
  parts_[0] = bytes;
  head_offload_ = offload;
  knows_head_ = false;
  count_ = 1;
}

bool JoinedPacket::append(Bytes bytes, const Offload& offload) noexcept {
  if (count_ == kMost) return false;
  if (!knows_head_) {
    head_ = shape_of(parts_[0], head_offload_);
    knows_head_ = true;
    payload_ = head_.payload;
    segments_ = head_.segments;
    is_ended_ = head_.is_ended || !head_.is_joinable;
  }
  if (is_ended_) return false;
  const Shape next = shape_of(bytes, offload);
  if (!next.is_joinable || !is_same_flow(head_, next)) return false;
  const bool is_size_right =
      next.segments > 1 ? next.segment_size == head_.segment_size : next.payload <= head_.segment_size;
  if (!is_size_right || head_.view.payload_offset + payload_ + next.payload > kMaxIpPacket) return false;
  if (head_.view.version == 4 && next.identification != static_cast<std::uint16_t>(head_.identification + segments_)) {
    return false;
  }
  if (head_.view.protocol == kTcp) {
    if (next.view.tcp.seq != head_.view.tcp.seq + payload_) return false;
    last_flags_ = static_cast<std::uint8_t>(next.view.tcp.flags & kEnding);
  } else if (segments_ + next.segments > kMost) {
    return false;
  }
  if (count_ == 1) parts_[1] = parts_[0].subspan(head_.view.payload_offset);
  parts_[++count_] = bytes.subspan(next.view.payload_offset);
  payload_ += next.payload;
  segments_ += next.segments;
  is_ended_ = next.is_ended || next.payload % head_.segment_size != 0;
  return true;
}

std::span<const Bytes> JoinedPacket::parts() noexcept {
  if (count_ == 1) return {parts_.data(), 1};
  const std::size_t size = head_.view.payload_offset, at = head_.view.transport_offset;
  const std::span<std::uint8_t> out(headers_.data(), size);
  std::memcpy(out.data(), head_.view.bytes.data(), size);
  const auto total = static_cast<std::uint32_t>(size) + payload_;
  if (head_.view.version == 4) {
    write16(out, 2, total);
    write_ipv4_header_checksum(out);
  } else {
    write16(out, 4, total - kIpv6Header);
  }
  if (head_.view.protocol == kTcp) {
    out[at + kTcpFlags] |= last_flags_;
  } else {
    write16(out, at + 4, total - static_cast<std::uint32_t>(at));
  }
  write_partial_checksum(head_.view, out, total - at);
  parts_[0] = out;
  return {parts_.data(), count_ + 1};
}

Offload JoinedPacket::offload() const noexcept {
  if (count_ == 1) return head_offload_;
  Offload offload;
  offload.kind = head_.view.protocol == kTcp ? Offload::Kind::tcp : Offload::Kind::udp;
  offload.needs_checksum = true;
  offload.segment_size = static_cast<std::uint16_t>(head_.segment_size);
  offload.header_length = head_.view.payload_offset;
  offload.checksum_start = head_.view.transport_offset;
  offload.checksum_offset = head_.view.protocol == kTcp ? kTcpChecksum : kUdpChecksum;
  return offload;
}

}  // namespace wobble
