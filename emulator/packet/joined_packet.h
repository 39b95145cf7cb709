// Coalescing on write: packets of one flow that leave in the same turn, one right behind the other, as one
// super-packet. It is what a receiving network card's GRO does, with one difference: two packets are joined only if
// cutting the whole (SuperPacket, the kernel's GSO) gives back exactly these packets, bit for bit. So
//
//   IP      the same header but for length, checksum and IPv4 identification, which counts up by one; no IPv4 options,
//           no extension headers, no fragments; the header's checksum right
//   TCP     consecutive sequence numbers; the same acknowledgment, window, urgent pointer and options; ACK set, ECE and
//   AE
//           alike; no SYN, RST, URG, CWR; PSH and FIN only on the last
//   UDP     the same ports; not without a checksum
//   both    payload, of one size but the last's, which may be smaller; the checksum partial or right: a packet that was
//           damaged must arrive damaged
//
// Nothing is copied: the whole is the headers and the packets' payloads, to be written in parts. Only what comes next
// in order is looked at, and nothing ever waits for a partner. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "emulator/packet/offload.h"
#include "emulator/packet/super_packet.h"

namespace wobble {

class JoinedPacket {
 public:
  static constexpr std::size_t kMost = 64;  ///< packets, and UDP datagrams: all that older kernels take

  using Bytes = std::span<const std::uint8_t>;

  /// Begins anew with one packet, or super-packet. `bytes` must stay until the next begin().
  void begin(Bytes bytes, const Offload& offload) noexcept;
  /// Appends the packet that leaves right behind; false, with nothing changed, if the two do not make one.
  bool append(Bytes bytes, const Offload& offload) noexcept;

  void clear() noexcept { count_ = 0; }
  /// How many were taken by begin() and append().
  std::size_t count() const noexcept { return count_; }
  /// Finishes the headers; the bytes of the whole, in order, valid until the next begin() or append().
  std::span<const Bytes> parts() noexcept;
  /// What travels beside the whole.
  Offload offload() const noexcept;

 private:
  /// What matters of one packet in joining it to others.
  struct Shape {
    bool is_joinable = false;
    PacketView view;
    std::uint32_t payload = 0;
    std::uint32_t segment_size = 0;  ///< of all its segments but the last
    std::uint32_t segments = 0;
    std::uint16_t identification = 0;  ///< IPv4, of the first
    bool is_ended = false;             ///< its last is short, or has PSH or FIN: nothing can follow
  };
  static Shape shape_of(Bytes bytes, const Offload& offload) noexcept;
  static bool is_same_flow(const Shape& a, const Shape& b) noexcept;

  Shape head_;  ///< of the first, once asked for
  bool knows_head_ = false;
  Offload head_offload_;
  std::size_t count_ = 0;
  std::uint32_t payload_ = 0;   ///< of all
  std::uint32_t segments_ = 0;  ///< of all
  bool is_ended_ = false;
  std::uint8_t last_flags_ = 0;  ///< TCP's FIN and PSH, of the last
  std::array<std::uint8_t, 128> headers_{};
  std::array<Bytes, kMost + 1> parts_;  ///< [0] the headers, or the only packet
};

}  // namespace wobble
