// Which packets of a capture a receiver would have discarded for their checksum. A capture taken on a host shows what
// it sends before the device has summed it, and what it has received merged, so much of a direction, or all of it, may
// be "bad" without meaning it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "daemon/capture/captured_packet.h"
#include "daemon/capture/quick_hash.h"

namespace wobble::daemon {

enum class Checksums : std::uint8_t {
  verify,     ///< every one
  ignore,     ///< none
  automatic,  ///< but those not summed yet, and those of a direction (sender and receiver) of which 90 % or more of the
              ///< first thousand are bad
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
  struct Hosts {
    IpAddress from;
    IpAddress to;
    bool operator==(const Hosts&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Hosts& hosts) const noexcept { return hash_of_addresses(hosts.from, hosts.to); }
  };
  Direction* find(const PacketView& packet);

  std::unordered_map<Hosts, Direction, Hash> directions_;
  Hosts latest_;  ///< nearly always the next packet's, or its answer's
  Direction* of_latest_ = nullptr;
};

}  // namespace wobble::daemon
