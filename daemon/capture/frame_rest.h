// A frame that is read from its front, header after header: what is read is taken off. Each function below is one kind
// of header; it ends with the IP packet behind it, or says what is there instead.
#pragma once

#include <cstdint>
#include <span>

#include "daemon/capture/byte_order.h"
#include "daemon/capture/link_layer.h"

namespace wobble::daemon {

inline constexpr ByteOrder kNetworkOrder{true};

struct FrameRest {
  std::span<const std::uint8_t> bytes;
  std::uint32_t original = 0;
  std::uint32_t tags = 0;
  std::uint32_t seen_at = 0;

  bool take(std::size_t n) noexcept {
    if (bytes.size() < n) return false;
    bytes = bytes.subspan(n);
    original -= static_cast<std::uint32_t>(n);
    return true;
  }
  bool has(std::size_t n) const noexcept { return bytes.size() >= n; }
  std::uint16_t u16(std::size_t at) const noexcept { return kNetworkOrder.u16(bytes, at); }
};

/// Something else than IP.
inline FrameContent unread(const char* what, FramedPacket& out, std::uint16_t number = 0) noexcept {
  out.unread = {what, number};
  return FrameContent::other;
}

FrameContent ip_packet(const FrameRest& rest, FramedPacket& out) noexcept;
/// What follows an EtherType, or a length in its place (IEEE 802.3 3.2.6).
FrameContent after_type(std::uint16_t type, FrameRest rest, FramedPacket& out) noexcept;
/// What follows the EtherType at `type_at`, in a header of `header` bytes.
FrameContent after_type_at(FrameRest rest, std::size_t type_at, std::size_t header, FramedPacket& out) noexcept;
FrameContent after_ethernet(FrameRest rest, FramedPacket& out) noexcept;
FrameContent after_mpls(FrameRest rest, FramedPacket& out) noexcept;
FrameContent after_ppp(FrameRest rest, FramedPacket& out) noexcept;
FrameContent after_pppoe(FrameRest rest, FramedPacket& out) noexcept;

}  // namespace wobble::daemon
