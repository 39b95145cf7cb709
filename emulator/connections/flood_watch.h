// When a flood of unfinished handshakes begins and ends, and what came to nothing during it, counted by source network
// and server port. Pure: time is an argument.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/flow_key.h"
#include "emulator/events/event.h"
#include "emulator/time.h"

namespace wobble {

/// A bucket that leaks: each handshake that begins pours in one, each that is completed takes one out, and `rate` a
/// second run out. A flood begins when what half a second would let run out is in it, and ends when it is empty; it
/// holds two seconds' worth.
class FloodWatch {
 public:
  static constexpr Duration kBegins = std::chrono::milliseconds(500);
  static constexpr Duration kMost = std::chrono::seconds(2);

  /// `rate`: unfinished handshakes a second; 0: nothing is ever a flood.
  explicit FloodWatch(std::uint32_t rate) : each_(rate == 0 ? Duration{0} : Duration(std::chrono::seconds(1)) / rate) {}

  /// True if a flood begins with it.
  bool begun(TimePoint now) noexcept;
  void completed() noexcept { empty_at_ -= each_; }
  /// True if the flood is over.
  bool ends(TimePoint now) noexcept;

  bool is_on() const noexcept { return is_on_; }
  TimePoint since() const noexcept { return since_; }
  /// When ends() has something to say; kNever if no flood is on.
  TimePoint next_due() const noexcept { return is_on_ ? empty_at_ : kNever; }

 private:
  Duration each_;
  TimePoint empty_at_{};
  TimePoint since_{};
  bool is_on_ = false;
};

/// How a handshake came to nothing.
struct Failure {
  bool is_refused = false;
  bool is_answered = false;
  bool is_evicted = false;
};

/// What came to nothing in one second, by the client's network (IPv4 /24, IPv6 /64) and the server's port. Bounded:
/// beyond kRows, all others are one.
class FloodTally {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr std::size_t kRows = 256;

  void count(const IpAddress& client, std::uint16_t port, const Failure& failure, TimePoint now) noexcept;
  /// When the interval at hand is over; kNever if nothing was counted in it.
  TimePoint next_due() const noexcept { return used_ == 0 ? kNever : since_ + kInterval; }
  /// Tells all that was counted, and begins anew.
  template <typename Tell>
  void flush(TimePoint now, const Tell& tell) noexcept {
    for (std::size_t i = 0; i < used_; ++i) {
      rows_[i].at = now;
      tell(rows_[i]);
    }
    clear();
  }

 private:
  static constexpr std::size_t kSlots = 1024;
  HalfOpenFlood& row_of(const IpAddress& network, std::uint8_t prefix, std::uint16_t port) noexcept;
  void clear() noexcept;

  std::array<HalfOpenFlood, kRows + 1> rows_{};
  std::array<std::uint16_t, kSlots> slots_{};  ///< 1 + a row's index, found from a network's and a port's hash on
  std::size_t used_ = 0;
  TimePoint since_{};
};

}  // namespace wobble
