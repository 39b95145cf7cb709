#include "emulator/impairments/corrupt.h"

#include <algorithm>
#include <array>

#include "emulator/chance/random.h"
#include "emulator/packet/packet_checksum.h"

namespace wobble {
namespace {

constexpr std::size_t kMostBits = 64;

/// The bytes to flip bits in: the payload (of an unknown protocol or a later fragment, all behind the IP header), or
/// the transport checksum if there is none.
std::span<std::uint8_t> target_of(std::span<std::uint8_t> bytes, const PacketView& view) noexcept {
  if (view.payload_offset < view.bytes.size()) {
    return bytes.subspan(view.payload_offset, view.bytes.size() - view.payload_offset);
  }
  if (!view.has_transport) return {};
  const std::size_t field = view.protocol == kTcp ? 16 : view.protocol == kUdp ? 6 : 2;
  return bytes.subspan(view.transport_offset + field, 2);
}

/// Flips `count` distinct bits, every choice of them as likely as any other (Floyd's algorithm: Bentley and Floyd,
/// A Sample of Brilliance, CACM 30(9), 1987).
void flip_bits(std::span<std::uint8_t> target, std::size_t count, std::uint64_t draw) noexcept {
  const std::size_t bits = target.size() * 8;
  count = std::min({count, bits, kMostBits});
  std::array<std::size_t, kMostBits> chosen;
  const RandomStream numbers(draw);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t last = bits - count + i;
    // last + 1 is below 2^20, so no bit is favoured by more than one part in 2^12.
    std::size_t bit = ((numbers.at(i) >> 32) * (last + 1)) >> 32;
    if (std::find(chosen.begin(), chosen.begin() + i, bit) != chosen.begin() + i) bit = last;
    chosen[i] = bit;
    target[bit / 8] = static_cast<std::uint8_t>(target[bit / 8] ^ (0x80u >> (bit % 8)));
  }
}

/// A fragment's checksum is elsewhere, or covers bytes that are: it can be neither checked nor mended here, but the
/// receiver checks it once it has put the parts together, unless it is known that there is none.
bool has_checksum_elsewhere(const PacketView& view) noexcept {
  if (!view.is_fragment) return false;
  if (view.protocol == kUdp && view.version == 4 && view.has_transport) {
    return view.bytes[view.transport_offset + 6] != 0 || view.bytes[view.transport_offset + 7] != 0;
  }
  return view.protocol == kTcp || view.protocol == kUdp || view.protocol == kIcmp || view.protocol == kIcmpV6;
}

}  // namespace

Damage corrupt_packet(std::span<std::uint8_t> bytes, const PacketView& view, const CorruptSettings& settings,
                      std::uint64_t draw) noexcept {
  const bool has_payload = view.payload_offset < view.bytes.size();
  const bool is_checked_elsewhere = has_checksum_elsewhere(view);
  if (settings.fix_checksum && (!has_payload || is_checked_elsewhere)) return Damage::none;
  const auto target = target_of(bytes, view);
  if (target.empty()) return Damage::none;
  flip_bits(target, settings.bits, draw);
  if (is_checked_elsewhere) return Damage::discarded;
  PacketView damaged = view;  // which may look at the original of these bytes
  damaged.bytes = bytes.first(view.bytes.size());
  if (is_checksum_right(damaged)) return Damage::accepted;
  if (!settings.fix_checksum) return Damage::discarded;
  write_checksum(damaged, bytes);
  return Damage::accepted;
}

}  // namespace wobble
