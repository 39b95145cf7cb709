#include "emulator/packet/fragment.h"

#include <algorithm>
#include <bit>

#include "emulator/packet/header_sizes.h"
#include "emulator/packet/network_order.h"

namespace wobble {
namespace {

Fragment of_v4(const PacketView& packet) noexcept {
  const auto bytes = packet.bytes;
  const std::uint16_t field = read16(bytes, 6);
  Fragment fragment;
  fragment.key = {packet.source, packet.destination, read16(bytes, 4), bytes[9]};
  fragment.offset = (field & 0x1fffu) * 8;
  fragment.is_last = (field & 0x2000) == 0;
  fragment.unfragmentable = fragment.payload_at = 4u * (bytes[0] & 0x0f);
  fragment.next_header = bytes[9];
  return fragment;
}

// The packet was parsed, so its chain of headers is sound as far as the fragment header.
std::optional<Fragment> of_v6(const PacketView& packet) noexcept {
  const auto bytes = packet.bytes;
  std::size_t next_at = 6;
  for (std::size_t at = kIpv6Header; bytes.size() >= at + 8;) {
    std::size_t length = std::size_t{8} * (bytes[at + 1] + 1);
    if (bytes[next_at] == extension_header::kAuthentication) length = std::size_t{4} * (bytes[at + 1] + 2);
    if (bytes[next_at] == extension_header::kFragment) {
      length = 8;
      const std::uint16_t field = read16(bytes, at + 2);
      const bool is_atomic = (field & 0xfff9) == 0;  // a fragment of nothing (RFC 6946)
      if (!is_atomic) {
        Fragment fragment;
        const std::uint32_t identification = read32(bytes, at + 4);
        fragment.key = {packet.source, packet.destination, identification, extension_header::kFragment};
        fragment.offset = field & 0xfff8u;
        fragment.is_last = (field & 1) == 0;
        fragment.unfragmentable = static_cast<std::uint32_t>(at);
        fragment.payload_at = static_cast<std::uint32_t>(at + 8);
        fragment.next_header_at = static_cast<std::uint32_t>(next_at);
        fragment.next_header = bytes[at];
        return fragment;
      }
    }
    next_at = at;
    at += length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Fragment> Fragment::of(const PacketView& packet) noexcept {
  if (!packet.is_fragment) return std::nullopt;
  std::optional<Fragment> fragment = packet.version == 6 ? of_v6(packet) : of_v4(packet);
  if (fragment) fragment->length = static_cast<std::uint32_t>(packet.bytes.size()) - fragment->payload_at;
  return fragment;
}

template <typename Each>
void DatagramCoverage::for_words(const Fragment& fragment, Each each) noexcept {
  const std::uint32_t first = fragment.offset / kUnit;
  const std::uint32_t end = first + units_of(fragment);
  for (std::uint32_t unit = first; unit < end;) {
    const std::uint32_t bit = unit % kWord;
    const std::uint32_t n = std::min(kWord - bit, end - unit);
    each(unit / kWord, ~std::uint64_t{0} >> (kWord - n) << bit);
    unit += n;
  }
}

bool DatagramCoverage::fits(const Fragment& fragment) const noexcept {
  const bool has_odd_end = !fragment.is_last && fragment.length % kUnit != 0;
  if (fragment.length == 0 || has_odd_end || fragment.end() > kLongest) return false;
  if (fragment.is_last && (end_ > fragment.end() || (total_ != 0 && total_ != fragment.end()))) return false;
  return total_ == 0 || fragment.end() <= total_;
}

std::uint32_t DatagramCoverage::count(const Fragment& fragment) const noexcept {
  std::uint32_t there = 0;
  if (fragment.end() > kLongest) return there;
  for_words(fragment, [&](std::size_t word, std::uint64_t mask) {
    there += static_cast<std::uint32_t>(std::popcount(units_there_[word] & mask));
  });
  return there;
}

DatagramCoverage::Outcome DatagramCoverage::add(const Fragment& fragment) noexcept {
  if (!fits(fragment)) return Outcome::conflict;
  const std::uint32_t there = count(fragment);
  if (there == units_of(fragment)) return fragment.is_last && total_ == 0 ? Outcome::conflict : Outcome::repeated;
  if (there != 0) return Outcome::conflict;
  for_words(fragment, [&](std::size_t word, std::uint64_t mask) { units_there_[word] |= mask; });
  units_ += units_of(fragment);
  end_ = std::max(end_, fragment.end());
  if (fragment.is_last) total_ = fragment.end();
  return Outcome::fresh;
}

void DatagramCoverage::clear() noexcept {
  const std::size_t words = (end_ + kUnit * kWord - 1) / (kUnit * kWord);
  std::fill_n(units_there_.begin(), words, std::uint64_t{0});
  end_ = total_ = units_ = 0;
}

}  // namespace wobble
