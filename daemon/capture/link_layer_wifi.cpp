// 802.11: what stands before it in a capture, its own header, and what is behind that.
#include "daemon/capture/link_layer_wifi.h"

#include <array>

#include "daemon/capture/capture_reader.h"

namespace wobble::daemon {
namespace {

constexpr ByteOrder kLittle{false};

/// What the capture says beside the frame (radiotap's flags).
struct RadioFlags {
  bool is_padded = false;   ///< the 802.11 header is filled up to four bytes
  bool is_damaged = false;  ///< its check sequence was wrong
};

// 0 version | 2 length of it all | 4 which fields are there, more such words while bit 31 is set | the fields, each
// aligned to its size: bit 0 is a time of eight bytes, bit 1 the flags
bool take_radiotap(FrameRest& rest, RadioFlags& flags) noexcept {
  if (!rest.has(8)) return false;
  const std::size_t length = kLittle.u16(rest.bytes, 2);
  const std::uint32_t present = kLittle.u32(rest.bytes, 4);
  std::size_t at = 4;
  while (rest.has(at + 4) && (kLittle.u32(rest.bytes, at) & 1u << 31) != 0) at += 4;
  at += 4;
  if ((present & 1) != 0) at = ((at + 7) & ~std::size_t{7}) + 8;
  if ((present & 2) != 0 && at < length && rest.has(at + 1)) {
    flags.is_padded = (rest.bytes[at] & 0x20) != 0;
    flags.is_damaged = (rest.bytes[at] & 0x40) != 0;
  }
  return length >= 8 && rest.take(length);
}

// AVS: 0 cookie 80 21 1x xx | 4 length. Prism: 0 message | 4 length. The former stands under the latter's link type
// too.
bool take_prism_or_avs(FrameRest& rest) noexcept {
  if (!rest.has(8)) return false;
  const bool is_avs = rest.u16(0) == 0x8021;
  const std::uint32_t length = is_avs ? kNetworkOrder.u32(rest.bytes, 4) : kLittle.u32(rest.bytes, 4);
  return length >= 8 && rest.take(length);
}

// 0 version | 1 flags | 2 length of it all | 4 link type of what follows
bool take_ppi(FrameRest& rest, std::uint32_t& link) noexcept {
  if (!rest.has(8)) return false;
  link = kLittle.u32(rest.bytes, 4);
  const std::size_t length = kLittle.u16(rest.bytes, 2);
  return length >= 8 && rest.take(length);
}

// 0 frame control | 2 duration | 4 three addresses | 22 fragment and sequence number | a fourth address, if the frame
// goes from one access point to another | quality of service, 2 bytes | with that and "order" the HT control, 4 bytes
FrameContent after_header(FrameRest rest, const RadioFlags& flags, FramedPacket& out) noexcept {
  if (flags.is_damaged) return unread("802.11, damaged", out);
  if (!rest.has(2)) return FrameContent::cut_off;
  const std::uint16_t control = kLittle.u16(rest.bytes, 0);
  const unsigned type = control >> 2 & 3, subtype = control >> 4 & 15;
  constexpr std::array<const char*, 4> kOthers = {"802.11 management", "802.11 control", "", "802.11 extension"};
  constexpr unsigned kData = 2, kWithoutData = 4, kWithQuality = 8;
  if (type != kData) return unread(kOthers[type], out);
  if ((subtype & kWithoutData) != 0) return unread("802.11 without data", out);
  const bool has_quality = (subtype & kWithQuality) != 0, has_four = (control & 0x0300) == 0x0300;
  const std::size_t quality_at = has_four ? 30 : 24;
  std::size_t header = quality_at + (has_quality ? 2 : 0) + (has_quality && (control & 0x8000) != 0 ? 4 : 0);
  if (flags.is_padded) header = (header + 3) & ~std::size_t{3};
  if (!rest.has(header)) return FrameContent::cut_off;
  if ((control & 0x4000) != 0) return unread("802.11, encrypted", out);
  if ((control & 0x0400) != 0 || (rest.bytes[22] & 0x0f) != 0) return unread("802.11 fragment", out);
  if (has_quality && (rest.bytes[quality_at] & 0x80) != 0) return unread("802.11 aggregate", out);
  rest.take(header);
  constexpr std::uint16_t kLength = 0;  // LLC follows
  return after_type(kLength, rest, out);
}

}  // namespace

FrameContent after_wifi(std::uint16_t link, FrameRest rest, FramedPacket& out) noexcept {
  RadioFlags flags;
  if (link == link_type::kRadiotap && !take_radiotap(rest, flags)) return FrameContent::cut_off;
  if ((link == link_type::kPrism || link == link_type::kAvs) && !take_prism_or_avs(rest)) return FrameContent::cut_off;
  if (link != link_type::kPpi) return after_header(rest, flags, out);
  std::uint32_t inner = 0;
  if (!take_ppi(rest, inner)) return FrameContent::cut_off;
  if (inner == link_type::kEthernet) return after_ethernet(rest, out);
  return inner == link_type::kWifi ? after_header(rest, flags, out) : unread("PPI of another link", out);
}

}  // namespace wobble::daemon
