// Which packets of a capture a receiver would have discarded for their checksum. A capture taken on a host shows what
// it sends before the device has summed it, and what it has received merged, so much of a direction, or all of it, may
// be "bad" without meaning it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "daemon/capture/captured_packet.h"

namespace wobble::daemon {

enum class Checksums : std::uint8_t {
  verify,     ///< every one
  ignore,     ///< none
  automatic,  ///< but those not summed yet, and those of a direction (sender and receiver) of which 90 % or more are
              ///< bad
};
std::optional<Checksums> parse_checksums(std::string_view text);  ///< "verify", "ignore", "auto"

class ChecksumPolicy {
 public:
  explicit ChecksumPolicy(Checksums mode) : mode_(mode) {}

  /// Whether a first look at the whole capture makes the judgement better.
  bool wants_first_look() const noexcept { return mode_ == Checksums::automatic; }
  void look(const CapturedPacket& packet);
  /// From here on nothing is learnt any more.
  void has_looked() noexcept { is_learning_ = false; }

  /// To be discarded. Without a first look the packets so far, this one included, tell.
  bool is_bad(const CapturedPacket& packet);

 private:
  struct Direction {
    std::uint64_t good = 0;
    std::uint64_t bad = 0;
  };
  Checksums mode_;
  bool is_learning_ = true;
  std::map<std::pair<IpAddress, IpAddress>, Direction> directions_;
};

}  // namespace wobble::daemon
