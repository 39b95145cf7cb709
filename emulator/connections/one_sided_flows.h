// During a flood of packets that belong to no connection: which flows have shown but one side so far. Such a flow is
// followed when its other side has answered, or when it goes on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "emulator/events/event.h"
#include "emulator/lazy_array.h"
#include "emulator/packet/address.h"

namespace wobble {

/// Bounded: of two flows that share a place the later is remembered. Costs no memory before the first flood.
class OneSidedFlows {
 public:
  static constexpr std::size_t kPlaces = 65'536;
  /// With so many packets of one side a flow goes on, such as a log that is sent by UDP.
  static constexpr std::uint64_t kGoesOn = 8;

  enum class Seen : std::uint8_t {
    first,     ///< of what is remembered
    again,     ///< by the same side
    followed,  ///< it is to be followed from this packet on, and forgotten here
  };

  OneSidedFlows() : places_(kPlaces) {}

  /// A packet of the flow with this hash arrived on `side`.
  Seen see(std::uint64_t hash, Side side) noexcept {
    std::uint64_t& place = places_[hash % kPlaces];
    const std::uint64_t mine =
        ((hash ^ flood_ * kSpread) & ~(kSideBit | kPackets)) | (side == Side::far ? kSideBit : 0);
    const std::uint64_t packets = place & kPackets;
    if (packets == 0 || ((place ^ mine) & ~(kSideBit | kPackets)) != 0) {
      place = mine | 1;
      return Seen::first;
    }
    if (((place ^ mine) & kSideBit) == 0 && packets + 1 < kGoesOn) {
      ++place;
      return Seen::again;
    }
    place = 0;
    return Seen::followed;
  }
  /// Nothing is remembered any more.
  void forget_all() noexcept { ++flood_; }

 private:
  static constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15ULL;
  static constexpr std::uint64_t kSideBit = 0x80;
  static constexpr std::uint64_t kPackets = 0x7f;  ///< their number; 0: the place is free

  LazyArray<std::uint64_t> places_;  ///< the flow's hash, but for the lowest eight bits, which hold the rest
  std::uint64_t flood_ = 1;
};

}  // namespace wobble
