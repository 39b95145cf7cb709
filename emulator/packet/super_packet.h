// A packet as a device hands it over: one wire packet, or a super-packet of up to 64 KB that stands for many. It is
// viewed as its segments, not copied; whoever decides looks at each segment as it would be on the wire.
//
// Segments that share a fate and leave together are written as one packet again (copy_run), with its headers mended:
// total length, IPv4 identification, TCP sequence, FIN and PSH on the last and CWR on the first, UDP length, and the
// partial checksum. What the receiver sees is what separate packets would have given.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/packet/offload.h"
#include "emulator/packet/packet.h"

namespace wobble {

class SuperPacket {
 public:
  /// Looks at `bytes`, which must outlive `out`. An offload that contradicts the packet is ParseError::bad_offload.
  static ParseError parse(std::span<const std::uint8_t> bytes, const Offload& offload, SuperPacket& out) noexcept;

  /// The same for a packet of which nothing is known beside it but whether it is a TCP super-packet (`segment_size` >
  /// 0), whose checksum is then left to a device. What stands behind its headers is not looked at.
  static ParseError parse_headers(std::span<const std::uint8_t> bytes, std::uint16_t segment_size,
                                  SuperPacket& out) noexcept;

  /// How many wire packets it stands for: 1 or more.
  std::uint32_t count() const noexcept { return count_; }
  const Offload& offload() const noexcept { return offload_; }
  /// As the device gave it: one set of headers, and all the payload.
  const PacketView& whole() const noexcept { return whole_; }

  /// The i-th as it would be on the wire. If count() > 1, `bytes` ends with the headers and `length` tells the truth.
  PacketView segment(std::uint32_t i) const noexcept;

  /// What segment() gives, for less: the packet's own view if it is the only one, else `part`, made into that of the
  /// i-th. `part` is to be left as it was between the calls.
  const PacketView& look_at(std::uint32_t i, PacketView& part) const noexcept {
    if (count_ == 1) return whole_;
    if (part.version == 0) part = whole_;
    turn_to(i, part);
    return part;
  }

  /// The n segments from `first` seen as one: `length` counts all their headers, TCP's are the whole's with FIN and PSH
  /// if the last of them has them, and its length is all their payload.
  PacketView run(std::uint32_t first, std::uint32_t n) const noexcept;

  /// Bytes of the packet that holds the segments first to first + n - 1, with one set of headers.
  std::uint32_t run_size(std::uint32_t first, std::uint32_t n) const noexcept;

  /// Bytes of those as separate packets on the wire.
  std::uint32_t wire_size(std::uint32_t first, std::uint32_t n) const noexcept;

  /// Writes that packet into `out`, which has run_size() bytes, and answers with what travels beside it.
  Offload copy_run(std::uint32_t first, std::uint32_t n, std::span<std::uint8_t> out) const noexcept;

 private:
  void count_segments(const Offload& offload) noexcept;
  /// Makes of the view of one segment that of the i-th.
  void turn_to(std::uint32_t i, PacketView& view) const noexcept;
  std::uint32_t payload_begin(std::uint32_t i) const noexcept {
    return whole_.payload_offset + i * offload_.segment_size;
  }
  std::uint32_t payload_end(std::uint32_t i) const noexcept {
    return i + 1 == count_ ? static_cast<std::uint32_t>(whole_.bytes.size()) : payload_begin(i + 1);
  }
  void mend_ip(std::uint32_t first, std::span<std::uint8_t> out) const noexcept;
  void mend_transport(std::uint32_t first, std::uint32_t n, std::span<std::uint8_t> out) const noexcept;

  PacketView whole_;
  Offload offload_;
  std::uint32_t count_ = 1;
};

/// Turns a partial checksum into a whole one, in place; nothing to do without needs_checksum.
void complete_checksum(const PacketView& packet, std::span<std::uint8_t> bytes, Offload& offload) noexcept;

}  // namespace wobble
