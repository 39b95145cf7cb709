// What the emulator did to one segment.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "emulator/time.h"

namespace wobble {

/// Why a packet was dropped. The names are those of the API, the metrics and the log.
enum class DropReason : std::uint8_t {
  none,
  loss,          ///< the loss model
  outage,        ///< on arrival or, with drop_in_flight, later
  queue,         ///< the bottleneck's queue was full
  memory,        ///< the bound on bytes in flight
  malformed,     ///< could not be read as an IP packet
  device,        ///< the device would not take it
  aqm,           ///< the queue's discipline (CoDel, PIE, RED) chose it
  mtu,           ///< larger than the next hop takes
  idle_timeout,  ///< of a connection that was forgotten
};
inline constexpr std::size_t kDropReasonCount = 10;

/// "none", "loss", ...
const char* to_string(DropReason reason) noexcept;

/// The pipeline's verdict on one arriving segment. copies counts the original; release_at[i] and lost[i] are each
/// copy's own, since a duplicate passes the remaining stages by itself. While a copy waits in the bottleneck for its
/// turn, its release_at is kNever: not known yet.
struct Fate {
  static constexpr std::size_t kMaxCopies = 2;

  DropReason dropped = DropReason::none;  ///< the original's; same as lost[0]
  bool corrupted = false;                 ///< bits were flipped and the receiver's checksum will say so
  bool reordered = false;                 ///< moved back by `reorder`
  std::uint8_t copies = 1;
  std::array<DropReason, kMaxCopies> lost{};
  std::array<TimePoint, kMaxCopies> release_at{};

  bool is_dropped() const noexcept { return dropped != DropReason::none; }
  /// Neither dropped, copied, damaged nor moved back: late at most.
  bool is_plain() const noexcept { return copies == 1 && !is_dropped() && !corrupted && !reordered; }
};

/// One word for a fate, the strongest that is true: "dropped", "corrupted", "duplicated", "reordered", "delayed"
/// (release_at after `arrived`) or "forwarded".
enum class FateWord : std::uint8_t { forwarded, delayed, reordered, duplicated, corrupted, dropped };
FateWord word_for(const Fate& fate, TimePoint arrived) noexcept;
const char* to_string(FateWord word) noexcept;

}  // namespace wobble
