// Fragments between equal addresses (127.0.0.1 and itself): which of its two endpoints has sent a datagram only the
// ports tell, and those are in its first fragment alone. Fragments that come before that one wait for it.
//
// Memory is bounded: the last 1,024 datagrams are remembered, and 256 fragments wait.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "emulator/packet/fragment.h"
#include "emulator/packet/packet.h"

namespace wobble::daemon {

/// A capture does not say on which side of it an endpoint is; a flow needs only that it stays there. Of a fragment that
/// has no ports between equal addresses nothing is known: ask FragmentSides.
Side side_by_endpoints(const PacketView& packet);

class FragmentSides {
 public:
  static constexpr std::int64_t kPatience = 30'000'000'000;  ///< nanoseconds; so long the parts of a datagram may take
  static constexpr std::size_t kMostKnown = 1024;
  static constexpr std::size_t kMostWaiting = 256;  ///< with one more the oldest is given up

  /// The side on which the packet arrives. Nothing if it has to wait; it is then kept.
  std::optional<Side> side_or_keep(const PacketView& packet, std::int64_t at);

  struct Waiting {
    std::vector<std::uint8_t> bytes;  ///< the whole packet's
    DatagramKey datagram;
    std::int64_t at = 0;
  };
  /// The fragments that have waited for this packet, in their order; taken out.
  std::vector<Waiting> take_behind(const PacketView& packet);

 private:
  struct Known {
    DatagramKey datagram;
    Side side = Side::near;
    std::int64_t at = 0;
  };
  std::deque<Known> known_;
  std::deque<Waiting> waiting_;
};

}  // namespace wobble::daemon
