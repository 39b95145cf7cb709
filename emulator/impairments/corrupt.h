// Which packets are damaged, and the damage.
#pragma once

#include <cstdint>
#include <span>

#include "emulator/conditions/conditions.h"
#include "emulator/impairments/correlated_chance.h"
#include "emulator/packet/packet.h"

namespace wobble {

class Corrupt {
 public:
  Corrupt(std::uint64_t seed, Direction direction) noexcept
      : chance_(seed, direction, Stage::corrupt), bits_(seed, direction, Stage::corrupt_bits) {}

  /// As Memory's: to be called before configure().
  void reserve(const CorruptSettings& s, std::uint32_t connections) {
    chance_.reserve(s.correlation, s.per, connections);
  }
  void configure(const CorruptSettings& s) noexcept { chance_.configure(s.probability, s.correlation, s.per); }
  bool strikes(const FlowPosition& flow) noexcept { return chance_.strikes(flow); }
  /// Which bits: for corrupt_packet().
  std::uint64_t draw_for(const FlowPosition& flow) const noexcept { return bits_.number_for(flow); }

 private:
  CorrelatedChance chance_;
  Chance bits_;
};

/// What corrupt_packet() made of a packet.
enum class Damage : std::uint8_t {
  none,       ///< left alone
  accepted,   ///< its checksum is right (or there is none): the application reads the damage
  discarded,  ///< the receiver's checksum will say so
};

/// Flips `settings.bits` distinct bits of the packet, chosen by `draw`: of the transport payload, or of the transport
/// checksum if there is no payload; of anything behind the IP header if the transport is not known. With fix_checksum
/// the checksum is then made right, and a packet without payload is left alone.
/// A fragment's checksum is not here: with fix_checksum it is left alone. `view` is of `bytes`, or of what they are a
/// copy of.
Damage corrupt_packet(std::span<std::uint8_t> bytes, const PacketView& view, const CorruptSettings& settings,
                      std::uint64_t draw) noexcept;

}  // namespace wobble
