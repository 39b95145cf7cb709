// A capture on a bridge, on "any" or behind a mirror port sees each packet twice. A frame is such a second view if
// everything of it but its link layer, its time to live and what hangs on that was seen less than a millisecond
// before. Where the IP packet has no identification (IPv6, or 0) a pure acknowledgement may honestly come twice, so
// there the second view must have come by another way: another interface, direction, VLAN or time to live.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "emulator/packet.h"

namespace wobble::daemon {

class DuplicateFrames {
 public:
  static constexpr std::int64_t kWindow = 1'000'000;  ///< nanoseconds

  /// Whether `packet` was seen already; if not, it is remembered. `way`: interface, direction and VLAN.
  bool is_second_view(const PacketView& packet, std::uint64_t way, std::int64_t at);

 private:
  struct Seen {
    std::uint64_t hash = 0;
    std::uint64_t way = 0;  ///< with the time to live
    std::int64_t at = 0;
  };
  std::deque<Seen> order_;
  std::unordered_map<std::uint64_t, Seen> by_hash_;
};

}  // namespace wobble::daemon
