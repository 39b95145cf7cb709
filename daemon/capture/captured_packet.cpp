#include "daemon/capture/captured_packet.h"

#include <algorithm>

#include "daemon/capture/byte_order.h"
#include "emulator/packet/header_sizes.h"

namespace wobble::daemon {
namespace {

constexpr ByteOrder kNetwork{true};
constexpr std::uint8_t kNoNextHeader = 59;

void write16(std::span<std::uint8_t> bytes, std::size_t at, std::size_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

/// By its own header; 0 if that does not say. An IPv6 packet without a payload length may be a super-packet (a
/// jumbogram, RFC 2675, or not) or have nothing behind its header.
std::uint32_t stated_length(std::span<const std::uint8_t> bytes) {
  if (bytes[0] >> 4 == 4) return kNetwork.u16(bytes, 2);
  const std::uint32_t payload = kNetwork.u16(bytes, 4);
  const bool may_be_longer = payload == 0 && bytes[6] != kNoNextHeader;
  return may_be_longer ? 0 : static_cast<std::uint32_t>(kIpv6Header) + payload;
}

/// Bytes of the transport header without which a packet tells nothing.
std::size_t least_header(const PacketView& view) {
  if (!view.has_transport) return 0;
  return view.is_tcp() ? kTcpHeader : 8;
}

/// An option of which a part was captured is none: the list ends before it.
void end_options(PacketView& view, std::size_t captured, std::span<std::uint8_t> space) {
  std::size_t at = view.transport_offset + kTcpHeader;
  if (!view.is_tcp() || captured >= view.payload_offset) return;
  constexpr std::uint8_t kEnd = 0, kNoOperation = 1;
  while (at < captured && space[at] != kEnd) {
    const std::size_t length = space[at] == kNoOperation ? 1 : at + 1 < captured ? space[at + 1] : 0;
    if (length == 0 || at + length > captured) break;
    at += length;
  }
  view.has_cut_options = at >= captured || space[at] != kEnd;
  std::fill(space.begin() + static_cast<std::ptrdiff_t>(at), space.begin() + view.payload_offset, kEnd);
}

}  // namespace

ParseError PacketRestorer::read(std::span<const std::uint8_t> bytes, std::uint32_t original_length,
                                CapturedPacket& out) {
  if (bytes.empty()) return ParseError::empty;
  const unsigned version = bytes[0] >> 4;
  if (version != 4 && version != 6) return ParseError::bad_version;
  if (bytes.size() < (version == 4 ? kIpv4Header : kIpv6Header)) return ParseError::truncated;

  const std::uint32_t stated = stated_length(bytes);
  const std::uint32_t length =
      stated == 0 ? std::max(original_length, static_cast<std::uint32_t>(bytes.size())) : stated;
  out.is_whole = bytes.size() >= length && length <= kLongest;
  if (stated != 0 && out.is_whole) {
    longest_whole_ = std::max(longest_whole_, stated);
    return parse_packet(bytes, out.view);
  }
  if (original_length < stated && stated <= longest_whole_) return ParseError::truncated;

  const std::size_t kept = std::min<std::size_t>(length, kLongest);
  const std::size_t captured = std::min(bytes.size(), kept);
  const std::span<std::uint8_t> space = std::span(space_).first(kept);
  std::copy_n(bytes.begin(), captured, space.begin());
  std::fill(space.begin() + static_cast<std::ptrdiff_t>(captured), space.end(), std::uint8_t{0});
  if (stated == 0) {
    out.is_whole = false;  // nobody has summed it yet
    write16(space, version == 4 ? 2 : 4, version == 4 ? kept : kept - kIpv6Header);
    if (version == 6 && space[6] == extension_header::kHopByHop && kept == kIpv6Header) return ParseError::truncated;
  }
  const ParseError error = parse_packet(space, out.view);
  if (error != ParseError::none) return error;
  if (out.view.transport_offset + least_header(out.view) > captured) return ParseError::truncated;
  end_options(out.view, captured, space);
  const std::uint32_t beyond = length - static_cast<std::uint32_t>(kept);
  out.view.length += beyond;
  if (out.view.is_tcp()) out.view.tcp.length += beyond;
  return ParseError::none;
}

}  // namespace wobble::daemon
