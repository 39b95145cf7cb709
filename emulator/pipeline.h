// One direction's impairments, in their fixed order:
//
//   outage → loss → corrupt → duplicate → bottleneck (rate, queue) → slot → delay, jitter, reorder
//
// admit() takes a packet's identity, length and time of arrival and answers with its fate: dropped and why, or when
// each copy leaves. It touches no bytes and holds no packets, so it is a pure function of its arguments, the seed and
// what it admitted before. Each stage is a small class of its own below impairments/.
//
// Invariant: unless `delay.reorder` or `reorder` asks for it, release times never decrease, also across a change of
// conditions. One thread. No allocation in admit() once warm; no exceptions.
#pragma once

#include <cstdint>
#include <memory>

#include "emulator/conditions.h"
#include "emulator/connection_table.h"
#include "emulator/fate.h"
#include "emulator/packet.h"

namespace wobble {

/// What the pipeline decided beyond the Fate.
struct Verdict {
  Fate fate;
  std::uint64_t corrupt_draw = 0;  ///< for corrupt_packet(), if to_corrupt
  bool to_corrupt = false;
  /// > 0: the original is to be set aside until so many have come after it; release_at[0] is then the earliest.
  std::uint32_t hold_packets = 0;
};

class Pipeline {
 public:
  Pipeline(Direction direction, std::uint64_t seed);
  ~Pipeline();

  /// New conditions for packets that arrive from now on. Stages whose settings did not change keep their state
  /// (a burst goes on, the bottleneck stays busy). `conditions` must be valid.
  void configure(const DirectionConditions& conditions, TimePoint now);

  /// `length` is the IP packet's. `now` never decreases.
  Verdict admit(const FlowPosition& flow, std::uint32_t length, TimePoint now) noexcept;

  /// When the outage next begins or ends by its cycle; kNever without one.
  TimePoint next_change() const noexcept;
  /// Brings the outage's cycle up to `now`; true if an outage with drop_in_flight has begun since the last call, so
  /// that what is in flight is lost.
  bool advance(TimePoint now) noexcept;

  /// Forgets the order to be kept and the bottleneck's backlog: after everything in flight was released or dropped.
  void forget_backlog(TimePoint now) noexcept;

  const DirectionConditions& conditions() const noexcept;

 private:
  struct Stages;
  std::unique_ptr<Stages> stages_;
};

/// What corrupt_packet() made of a packet.
enum class Damage : std::uint8_t {
  none,       ///< left alone
  accepted,   ///< its checksum is right (or there is none): the application reads the damage
  discarded,  ///< the receiver's checksum will say so
};

/// Flips `settings.bits` distinct bits of the packet, chosen by `draw`: of the transport payload, or of the transport
/// checksum if there is no payload; of anything behind the IP header if the transport is not known. With fix_checksum
/// the checksum is then made right, and a packet without payload is left alone.
/// A fragment's checksum is not here: with fix_checksum it is left alone. `view` is of `bytes`, or of what they are a
/// copy of.
Damage corrupt_packet(std::span<std::uint8_t> bytes, const PacketView& view, const CorruptSettings& settings,
                      std::uint64_t draw) noexcept;

}  // namespace wobble
