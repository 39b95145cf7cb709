// What a link says itself to the sender of a packet that it refuses: ICMP errors and resets (originated.h). They go
// back beside the pipeline of the other direction, so no impairment touches them, and are counted as originated. One
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "emulator/connections/connection_table.h"
#include "emulator/link/arrival.h"
#include "emulator/link/link_parts.h"
#include "emulator/packet/address.h"

namespace wobble {

class Answers {
 public:
  /// `link` must outlive it.
  Answers(LinkParts& link, const LinkOptions& options) noexcept
      : link_(link), hop_v4_(options.hop_v4), hop_v6_(options.hop_v6) {}

  /// A segment was dropped for `reason`: tells its sender, if that was asked for. Without memory nobody is told.
  void refused(const Arrival& arrival, std::uint32_t segment, ConnectionHandle connection, DropReason reason) noexcept;

 private:
  /// Sends a packet behind `prefix`, at `release_at`; none if it is empty.
  void send(Direction direction, std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> prefix,
            ConnectionHandle connection, TimePoint now, TimePoint release_at) noexcept;

  LinkParts& link_;
  std::optional<IpAddress> hop_v4_;
  std::optional<IpAddress> hop_v6_;
};

}  // namespace wobble
