// What our own captures say beside each packet: a comment for people, in words that `wobble analyze` reads back to the
// nanosecond.
//
//   packet 17 arrived: delayed; copy 0 leaves after 80.000000 ms
//   packet 18 arrived: dropped; copy 0 dropped (loss)
//   packet 19 arrived: duplicated, reordered; copy 0 leaves after 12.500000 ms; copy 1 dropped (queue)
//   packet 20 arrived: delayed; copy 0 waits its turn
//   packet 21 arrived: forwarded, bad checksum; copy 0 leaves after 0.000000 ms
//   packet 17 left: delayed; copy 0 due after 80.000000 ms, left after 80.004211 ms
//   packet 20 lost: delayed; copy 0 dropped (outage) after 3.000001 ms
//
// A packet is one on the wire, also where the device carried it within a larger one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/events/fate.h"
#include "emulator/packet/packet.h"

namespace wobble::daemon {

struct CaptureNote {
  enum class Kind : std::uint8_t { arrived, left, lost };

  Kind kind = Kind::arrived;
  std::uint64_t number = 0;
  /// Release times count from the arrival, as from the clock's epoch; left: only that of `copy` is known; lost: none.
  Fate fate;
  std::uint8_t copy = 0;          ///< left, lost
  DropReason reason{};            ///< lost
  Duration after{0};              ///< left, lost: since it arrived
  FateWord word{};                ///< left, lost: what was decided when it arrived
  bool has_bad_checksum = false;  ///< arrived: with one, so that the link concluded nothing from it
};

std::string print_note(const CaptureNote& note);
/// Nothing if it is none of ours.
std::optional<CaptureNote> parse_note(std::string_view text);

/// The interfaces of our captures: one for each side of the link, where packets arrive and leave; and one for those
/// that were lost between the two.
enum class CaptureLane : std::uint8_t { near, far, lost };

/// if_hardware: how a capture of ours is recognised.
///
///   wobble capture 1, near of link lab
///   wobble capture 1, near of link lab, clock set by -3600000000000 ns
std::string lane_mark(CaptureLane lane, std::string_view link, std::int64_t behind = 0);
struct LaneMark {
  CaptureLane lane;
  std::string link;
  std::int64_t behind = 0;  ///< nanoseconds that the clock shows less than when the capture began
};
std::optional<LaneMark> parse_lane_mark(std::string_view hardware);

}  // namespace wobble::daemon
