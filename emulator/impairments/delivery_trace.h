// A recorded link: moments at which up to 1,500 bytes leave, over and over (mahimahi's packet-delivery traces).
//
// As in mahimahi (R. Netravali et al.: Mahimahi: Accurate Record-and-Replay for HTTP, 2015): packets that wait share an
// opportunity as long as it has bytes left; a packet larger than that goes on with the next, and leaves with its last
// byte. An opportunity that finds nobody waiting is lost; one that comes at the moment of an arrival is missed. The
// trace starts anew with its last opportunity. mahimahi counts 1,504 bytes, 4 of them its TUN device's own header; here
// as there a full IP packet of 1,500 bytes takes one opportunity.
#pragma once

#include <memory>
#include <vector>

#include "emulator/time.h"

namespace wobble {

class DeliveryTrace {
 public:
  static constexpr std::uint32_t kOpportunity = 1500;
  using Moments = std::shared_ptr<const std::vector<std::uint32_t>>;

  /// Starts the trace at `now`; null ends it. The moments are TraceSettings'.
  void start(Moments ms, TimePoint now) noexcept;
  bool is_running() const noexcept { return ms_ != nullptr; }
  const Moments& moments() const noexcept { return ms_; }

  /// When the first byte of a packet leaves that has waited since `since`, behind everything transmitted so far.
  TimePoint next_start(TimePoint since) const noexcept;
  /// Sends a packet that has waited since `since`: when its last byte leaves.
  TimePoint transmit(std::uint32_t length, TimePoint since) noexcept;

  /// How long `bytes` take on average.
  Duration mean_time_for(std::uint64_t bytes) const noexcept;

 private:
  /// The n-th opportunity since the start.
  TimePoint moment(std::uint64_t n) const noexcept;
  /// The first that was not used and comes after `since`.
  std::uint64_t first_after(TimePoint since) const noexcept;
  bool has_room_for(TimePoint since) const noexcept { return left_ > 0 && current_ > since; }
  void use(std::uint64_t n) noexcept;

  Moments ms_;
  TimePoint start_;
  Duration period_{0};
  std::uint64_t next_ = 0;  ///< those before it are used or lost
  TimePoint current_ = TimePoint::min();
  std::uint32_t left_ = 0;  ///< bytes of the current one
};

}  // namespace wobble
