// A capture through a link's impairments in virtual time: no clock, no device, so the same capture, conditions and seed
// give the same bytes on every machine.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/capture/capture_reader.h"
#include "daemon/capture/captured_packet.h"
#include "daemon/capture/fragment_sides.h"
#include "emulator/link/link.h"

namespace wobble::daemon {

/// "10.0.0.0/8", "fd00::/8", "10.0.0.1".
struct AddressPrefix {
  IpAddress address;
  unsigned bits = 0;  ///< of the sixteen bytes

  static std::optional<AddressPrefix> parse(std::string_view text);
  bool holds(const IpAddress& other) const noexcept;
};

/// Tells on which side of the link a packet arrives. With a prefix its hosts are near and all others far. Without, the
/// first of two hosts to open a connection to the other is near, and stays so; where no SYN tells, the one with the
/// higher port. So it is always where a host speaks with itself.
class HostSides {
 public:
  explicit HostSides(std::optional<AddressPrefix> near) : near_(near) {}
  /// Of a packet seen at `at` (nanoseconds). Nothing if both its hosts are on one side; or if it is a fragment of a
  /// host to itself that came before the first of its datagram.
  std::optional<Side> arrival_of(const PacketView& packet, std::int64_t at);
  bool has_prefix() const noexcept { return near_.has_value(); }

 private:
  std::optional<Side> known(const IpAddress& host) const;

  std::optional<AddressPrefix> near_;
  std::map<IpAddress, Side> hosts_;
  FragmentSides fragments_;
};

enum class ReplayFormat : std::uint8_t {
  pcap,    ///< what left the link, when it left
  pcapng,  ///< as `wobble capture` writes it: what arrived too, and what was done to it
};

struct ReplayOptions {
  LinkConditions conditions;
  std::uint64_t seed = 1;
  std::uint32_t connections = 65'536;  ///< known at a time: chance hangs on them
  std::optional<AddressPrefix> near;
  ReplayFormat format = ReplayFormat::pcap;
};

struct ReplayCounts {
  std::uint64_t frames = 0;
  std::uint64_t admitted = 0;
  std::uint64_t left_out = 0;      ///< of frames: whatever was not admitted,
  std::uint64_t second_views = 0;  ///< as what was seen already (duplicate_frames.h),
  std::uint64_t departures = 0;    ///< what one of our captures shows a second time, where it left or was lost,
  std::uint64_t not_read = 0;      ///< what is not IP, unreadable, or cut off from a super-packet,
  std::uint64_t one_sided = 0;     ///< and what is between two hosts of one side
  std::uint64_t left = 0;
  DirectionCounters up;
  DirectionCounters down;
};

/// Of one of our own captures each packet is taken once, where it arrived. Times go on where the capture's clock was
/// set back. Reads all of `reader` and hands the output to `write`, piece after piece. What the capture had cut off of
/// a packet is zeros in the output. CaptureError after everything before the damage was written.
ReplayCounts replay(CaptureReader& reader, const ReplayOptions& options,
                    const std::function<void(std::string_view)>& write);

}  // namespace wobble::daemon
