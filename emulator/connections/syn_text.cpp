#include "emulator/connections/syn_text.h"

#include <initializer_list>

#include "emulator/packet/header_sizes.h"

namespace wobble {
namespace {

// In `options`.
constexpr std::uint8_t kHasMss = 1, kHasScale = 2, kSack = 4, kTimestamps = 8, kMultipath = 16, kFastOpen = 32,
                       kFastOpenCookie = 64, kCut = 128;

}  // namespace

std::optional<SynText> SynText::of(const PacketView& packet) noexcept {
  if (!packet.is_tcp() || !packet.tcp.has(tcp_flag::kSyn) || packet.length > 0xffff) return std::nullopt;
  if (packet.is_fragment) return std::nullopt;
  const TcpOptions read = parse_tcp_options(packet);
  SynText text;
  text.seq = packet.tcp.seq;
  text.packet_length = static_cast<std::uint16_t>(packet.length);
  text.payload = static_cast<std::uint16_t>(packet.tcp.length);
  text.window = packet.tcp.window;
  text.mss = read.mss;
  text.flags = packet.tcp.flags;
  text.window_scale = read.window_scale;
  text.options = static_cast<std::uint8_t>((read.mss != 0 ? kHasMss : 0) | (read.has_window_scale ? kHasScale : 0) |
                                           (read.sack_permitted ? kSack : 0) | (read.has_timestamps ? kTimestamps : 0) |
                                           (read.multipath ? kMultipath : 0) | (read.fast_open ? kFastOpen : 0) |
                                           (read.fast_open_cookie ? kFastOpenCookie : 0) | (read.are_cut ? kCut : 0));
  return text;
}

// The tracker reads options where they stand in a packet, so there they are put: kinds and lengths of IANA's list.
SynPacket::SynPacket(const SynText& text, std::uint32_t timestamp) noexcept {
  std::size_t end = kTcpHeader;
  const auto put = [&](std::uint8_t option, std::initializer_list<std::uint8_t> bytes, std::size_t length) {
    if ((text.options & option) == 0) return;
    std::size_t at = end;
    for (const std::uint8_t byte : bytes) header_[at++] = byte;
    end += length;
  };
  put(kHasMss, {2, 4, static_cast<std::uint8_t>(text.mss >> 8), static_cast<std::uint8_t>(text.mss)}, 4);
  put(kHasScale, {3, 3, text.window_scale}, 3);
  put(kSack, {4, 2}, 2);
  const auto byte = [&](int shift) { return static_cast<std::uint8_t>(timestamp >> shift); };
  put(kTimestamps, {8, 10, byte(24), byte(16), byte(8), byte(0)}, 10);
  put(kMultipath, {30, 2}, 2);
  if ((text.options & kFastOpenCookie) != 0) {
    put(kFastOpen, {34, 3}, 3);
  } else {
    put(kFastOpen, {34, 2}, 2);
  }
  view_.bytes = std::span(header_).first(end);
  view_.length = text.packet_length;
  view_.protocol = kTcp;
  view_.has_transport = true;
  view_.has_cut_options = (text.options & kCut) != 0;
  view_.payload_offset = static_cast<std::uint16_t>(end);
  view_.tcp.seq = text.seq;
  view_.tcp.length = text.payload;
  view_.tcp.flags = text.flags;
  view_.tcp.window = text.window;
}

}  // namespace wobble
