// A capture on a bridge, on "any" or behind a mirror port sees each packet twice. A frame is such a second view if
// everything of it but its link layer, its time to live and what hangs on that was seen less than a millisecond
// before. Where the IP packet has no identification (IPv6, or 0) a pure acknowledgement may honestly come twice, so
// there the second view must have come by another way: another interface, direction, VLAN or time to live.
//
// A time to live that is one less says that a router has carried it: then it is a second view up to a tenth of a second
// later, as what a sender repeats has the same one.
#pragma once

#include <cstdint>
#include <vector>

#include "emulator/packet/packet.h"

namespace wobble::daemon {

class DuplicateFrames {
 public:
  static constexpr std::int64_t kWindow = 1'000'000;          ///< nanoseconds
  static constexpr std::int64_t kRoutedWindow = 100'000'000;  ///< the same, for a copy that was routed

  DuplicateFrames() : seen_(kSets * kWays) {}

  /// Whether `packet` was seen already; if not, it is remembered. `way`: interface, direction and VLAN.
  bool is_second_view(const PacketView& packet, std::uint64_t way, std::int64_t at);

 private:
  /// The packets seen last, in sets by their hash: of each set the oldest is forgotten.
  static constexpr std::size_t kSets = 4096, kWays = 4;
  struct Seen {
    std::uint64_t hash = 0;  ///< 0: none
    std::uint64_t way = 0;
    std::int64_t at = 0;
    std::uint8_t hops = 0;  ///< time to live
  };
  std::vector<Seen> seen_;
};

}  // namespace wobble::daemon
