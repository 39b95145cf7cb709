#include "emulator/packet/ipv4_fragments.h"

#include <algorithm>
#include <cstring>

#include "emulator/packet/network_order.h"
#include "emulator/packet/packet_checksum.h"

namespace wobble {
namespace {

constexpr std::uint32_t kHeader = 20;
constexpr std::uint32_t kDontFragment = 0x4000, kMoreFragments = 0x2000, kOffset = 0x1fff;

/// Copies the options whose copied flag is set, padded to whole words; answers with their length. An option that lies
/// about its own length ends the list.
std::uint32_t copied_options(std::span<const std::uint8_t> options, std::uint8_t* out) noexcept {
  constexpr std::uint8_t kEnd = 0, kNoOperation = 1, kCopied = 0x80;
  std::uint32_t length = 0;
  for (std::size_t at = 0; at < options.size() && options[at] != kEnd;) {
    if (options[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (at + 1 >= options.size()) break;
    const std::size_t size = options[at + 1];
    if (size < 2 || size > options.size() - at) break;
    if ((options[at] & kCopied) != 0) {
      std::memcpy(out + length, options.data() + at, size);
      length += static_cast<std::uint32_t>(size);
    }
    at += size;
  }
  while (length % 4 != 0) out[length++] = kEnd;
  return length;
}

}  // namespace

bool may_be_fragmented(const PacketView& packet) noexcept {
  return packet.version == 4 && (read16(packet.bytes, 6) & kDontFragment) == 0;
}

Ipv4Fragments::Ipv4Fragments(std::span<const std::uint8_t> packet, std::uint32_t mtu) noexcept
    : packet_(packet),
      header_(4u * (packet[0] & 0x0fu)),
      payload_(read16(packet, 2) - header_),
      first_((mtu - header_) & ~7u) {
  options_length_ = copied_options(packet.subspan(kHeader, header_ - kHeader), options_);
  others_ = (mtu - kHeader - options_length_) & ~7u;
  count_ = payload_ <= first_ ? 1 : 1 + (payload_ - first_ + others_ - 1) / others_;
}

std::uint32_t Ipv4Fragments::length_of(std::uint32_t i) const noexcept {
  return std::min(i == 0 ? first_ : others_, payload_ - begin_of(i));
}

std::uint32_t Ipv4Fragments::size(std::uint32_t i) const noexcept {
  return (i == 0 ? header_ : kHeader + options_length_) + length_of(i);
}

void Ipv4Fragments::copy(std::uint32_t i, std::span<std::uint8_t> out) const noexcept {
  const std::uint32_t header = size(i) - length_of(i);
  std::memcpy(out.data(), packet_.data(), i == 0 ? header : kHeader);
  if (i > 0) std::memcpy(out.data() + kHeader, options_, options_length_);
  std::memcpy(out.data() + header, packet_.data() + header_ + begin_of(i), length_of(i));
  const std::uint32_t field = read16(packet_, 6);
  const std::uint32_t more = i + 1 < count_ ? kMoreFragments : field & kMoreFragments;
  out[0] = static_cast<std::uint8_t>(0x40 | header / 4);
  write16(out, 2, size(i));
  write16(out, 6, more | (((field & kOffset) + begin_of(i) / 8) & kOffset));
  write_ipv4_header_checksum(out);
}

}  // namespace wobble
